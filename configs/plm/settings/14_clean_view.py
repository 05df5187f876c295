# Delta = sqrt(2), learning rate 3e-4, clean view for the momentum encoder
_base_ = './13_delta_sqrt2_fast.py'
train_dataloader = dict(dataset=dict(pipeline=_base_.clean_pipeline))
