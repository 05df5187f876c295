# PLM, metric learning without labels on piecewise-linear manifolds (Bhatnagar and Ahuja, CPAL
# 2024). No code of the paper is public. (slides): the authors' slides; (STML): protocol of Kim et
# al., CVPR 2022; (ours): fills a gap, see docs/plm.md.
embed_dim = 512
plm = dict(
    momentum=0.999,  # (STML)
    head=dict(embed_dim=embed_dim),
    loss=dict(
        type='PiecewiseLinearLoss',
        embed_dim=embed_dim,
        dim=3,  # (ours)
        rule='each',  # (ours)
        threshold=0.9,  # (ours)
        n_alpha=4.,  # (slides)
        n_beta=0.5,  # (slides)
        delta=2**0.5,  # (ours), about the largest mean distance of a batch
        num_proxies=100))  # paper, ablation of proxies
# 24 seeds with 4 neighbours each in a batch of 120 (STML).
neighbourhood_batches = dict(type='NeighbourhoodBatchSampler', neighbourhood=5)
# Proxies learn 100 times as fast as the encoder, as those of proxy anchor do in the field, and
# without weight decay (ours). With the encoder's rate they hardly move.
plm_rates = dict(custom_keys=dict(loss_module=dict(lr_mult=100., decay_mult=0.)))
plm_hooks = [
    dict(type='MomentumEncoderHook'),
    dict(type='NeighbourTableHook'),
]
