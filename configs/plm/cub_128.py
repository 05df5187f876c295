# PLM on CUB-200-2011, 128 dimensions.
_base_ = './cub_512.py'
model = dict(head=dict(embed_dim=128), loss=dict(embed_dim=128))
