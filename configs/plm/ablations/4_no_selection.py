# No subset selection (paper, CUB 512-d, R@1: 58.4, with selection 61.7)
_base_ = '../{{$ABLATION_DATA:cub}}_128.py'
model = dict(loss=dict(rule='all'))
