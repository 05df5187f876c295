# No proxies
_base_ = './01_literal.py'
model = dict(loss=dict(num_proxies=0))
