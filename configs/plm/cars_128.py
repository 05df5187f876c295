# PLM on Cars-196, 128 dimensions.
_base_ = './cars_512.py'
model = dict(head=dict(embed_dim=128), loss=dict(embed_dim=128))
