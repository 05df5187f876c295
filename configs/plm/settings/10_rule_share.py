# Threshold rule share
_base_ = './01_literal.py'
model = dict(loss=dict(rule='share'))
