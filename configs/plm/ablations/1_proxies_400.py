# 400 proxies (paper, CUB 128-d, R@1: 61.1)
_base_ = '../{{$ABLATION_DATA:cub}}_128.py'
model = dict(loss=dict(num_proxies=400))
