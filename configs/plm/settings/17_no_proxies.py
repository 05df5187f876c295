# Delta = sqrt(2), learning rate 3e-4, no proxies
_base_ = './13_delta_sqrt2_fast.py'
model = dict(loss=dict(num_proxies=0))
