# PLM on rendered vehicles, 512 dimensions.
_base_ = './vehicles_128.py'
model = dict(head=dict(embed_dim=512), loss=dict(embed_dim=512))
