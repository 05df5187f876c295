# The pooled features of the backbone without training, on rendered vehicles.
_base_ = './vehicles_untrained.py'
model = dict(head=dict(embed_dim=None), loss=dict(loss=dict(embedding_size=1280)))
