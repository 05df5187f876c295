# PLM with 100 proxies (paper, CUB 128-d, R@1: 60.6)
_base_ = '../{{$ABLATION_DATA:cub}}_128.py'
model = dict(loss=dict(num_proxies=100))
