# Delta is learned
_base_ = './01_literal.py'
model = dict(loss=dict(learn_delta=True))
