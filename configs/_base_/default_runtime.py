# What every run shares: registration, logging, checkpoints.
default_scope = 'mmdet3d'
custom_imports = dict(
    imports=[
        'mmdet3d_plugin.datasets', 'mmdet3d_plugin.models', 'mmdet3d_plugin.engine',
        'mmdet3d_plugin.evaluation'
    ],
    allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'))
custom_hooks = [
    dict(type='PlainCheckpointHook'),
    dict(type='ProgressBarHook'),
    dict(type='DrawFramesHook', max_frames=12),
    dict(type='mmdet.CheckInvalidLossHook', interval=50),
]

env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
visualizer = dict(
    type='mmengine.Visualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
log_processor = dict(window_size=50)
log_level = 'INFO'
# Selectors may leave the logit branch untrained, and DLANet has unused projections.
find_unused_parameters = True
load_from = None
resume = False
