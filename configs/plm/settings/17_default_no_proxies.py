# Default without proxies
_base_ = './13_default.py'
model = dict(loss=dict(num_proxies=0))
