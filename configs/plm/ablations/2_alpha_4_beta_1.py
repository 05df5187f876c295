# N_alpha 4, N_beta 1 (paper, CUB: no figure of this row, N_beta 1 needs N_alpha of 4 or more)
_base_ = '../{{$ABLATION_DATA:cub}}_128.py'
model = dict(loss=dict(n_alpha=4., n_beta=1.0))
