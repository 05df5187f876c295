# N_alpha 1, N_beta 0 (paper, CUB 128-d, R@1: best of all N_alpha near 58.8)
_base_ = '../{{$ABLATION_DATA:cub}}_128.py'
model = dict(loss=dict(n_alpha=1., n_beta=0.0))
