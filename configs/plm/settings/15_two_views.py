# Delta = sqrt(2), learning rate 3e-4, two views per image
_base_ = './13_delta_sqrt2_fast.py'
train_dataloader = dict(dataset=dict(pipeline=_base_.two_view_pipeline))
