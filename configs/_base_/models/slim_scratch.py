# Changes of an embedder to the slim DLA without pretrained weights, see configs/plm/scratch.
slim_scratch = dict(
    data_preprocessor=dict(_delete_=True, type='ViewsPreprocessor'),
    backbone=dict(
        _delete_=True, type='SlimDLANet', out_indices=(4, ), norm_cfg=dict(type='BN')),
    head=dict(in_channels=256),
    norm_eval=False)
