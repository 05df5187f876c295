# Clean view for the momentum encoder
_base_ = './01_literal.py'
train_dataloader = dict(dataset=dict(pipeline=_base_.clean_pipeline))
