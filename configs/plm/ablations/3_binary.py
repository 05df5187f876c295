# Binary similarity (paper, CUB, R@1: 54.2)
_base_ = '../{{$ABLATION_DATA:cub}}_128.py'
model = dict(loss=dict(binary=True))
