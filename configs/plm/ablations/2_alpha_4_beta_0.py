# N_alpha 4, N_beta 0 (paper, CUB: no figure of this row, at best near 58.8 for N_beta 0)
_base_ = '../{{$ABLATION_DATA:cub}}_128.py'
model = dict(loss=dict(n_alpha=4., n_beta=0.0))
