# Runtime of every config: registration, hooks, checkpoints, logging.
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
    # A checkpoint file is replaced atomically, and old ones are removed after that. Two are kept,
    # in case a disk damages one.
    checkpoint=dict(type='DurableCheckpointHook', interval=1, max_keep_ckpts=2,
                    backend_args=dict(backend='atomic')),
    sampler_seed=dict(type='DistSamplerSeedHook'))
custom_hooks = [
    dict(type='PlainCheckpointHook'),
    dict(type='ProgressBarHook'),
    # They draw predictions of detectors, of depth estimators and of embedders.
    dict(type='DrawFramesHook', max_frames=12),
    dict(type='DrawDepthHook', max_frames=12),
    dict(type='DrawNeighboursHook', max_queries=12),
    dict(type='FiniteLossHook'),
    dict(type='InterruptionHook', backend_args=dict(backend='atomic')),
    dict(type='SkippedFramesHook'),
]

# Faster arithmetic that rounds differently (docs/performance.md).
acceleration = dict(bfloat16=False, channels_last=False, compile=False)
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
visualizer = dict(
    type='mmengine.Visualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
log_processor = dict(type='TableLogProcessor', window_size=50)
log_level = 'INFO'
# Distributed training: some sample selectors leave the logit branch without gradient, and
# DLANet has unused projections.
find_unused_parameters = True
load_from = None
resume = False
