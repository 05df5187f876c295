# Two views per image
_base_ = './01_literal.py'
train_dataloader = dict(dataset=dict(pipeline=_base_.two_view_pipeline))
