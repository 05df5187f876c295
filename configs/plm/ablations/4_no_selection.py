# No subset selection (paper, CUB 512-d, R@1: 58.4 instead of 61.7)
_base_ = '../{{$ABLATION_DATA:cub}}_512.py'
model = dict(loss=dict(rule='all'))
