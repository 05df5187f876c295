# PLM without proxies on rendered vehicles.
_base_ = '../vehicles_128.py'
model = dict(loss=dict(num_proxies=0))
