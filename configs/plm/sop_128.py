# PLM on Stanford Online Products, 128 dimensions.
_base_ = './sop_512.py'
model = dict(head=dict(embed_dim=128), loss=dict(embed_dim=128))
