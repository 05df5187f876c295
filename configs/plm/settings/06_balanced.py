# Members of pieces and other pairs have the same weight in total
_base_ = './01_literal.py'
model = dict(loss=dict(balance_members=True))
