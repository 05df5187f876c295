# 500 proxies (no figure in the paper)
_base_ = '../{{$ABLATION_DATA:cub}}_128.py'
model = dict(loss=dict(num_proxies=500))
