# N_alpha 3, N_beta 0.5 (paper, CUB 128-d, R@1: 60.6)
_base_ = '../{{$ABLATION_DATA:cub}}_128.py'
model = dict(loss=dict(n_alpha=3., n_beta=0.5))
