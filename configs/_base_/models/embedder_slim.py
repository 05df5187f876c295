# Slim DLA from scratch with the head of STML, for trainings of minutes on a CPU.
model = dict(
    type='Embedder',
    data_preprocessor=dict(type='ViewsPreprocessor'),
    backbone=dict(type='SlimDLANet', out_indices=(4, ), norm_cfg=dict(type='BN')),
    head=dict(type='EmbeddingHead', in_channels=256))
