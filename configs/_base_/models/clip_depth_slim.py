# Single-frame and multi-frame depth for trainings of minutes on a CPU: a slim DLA from scratch,
# a narrow decoder with two scales, 32 depth bins. The camera's motion comes from the data, so
# that depth is in metres, and a network of the motion needs no training.
clip_preprocessor = dict(
    type='ClipPreprocessor', mean=[0.45] * 3, std=[0.225] * 3, bgr_to_rgb=True)
# Metres per unit of depth. With metres, losses of depth differences would outweigh the others.
length_unit = 10.
slim_dla = dict(type='SlimDLANet', out_indices=(0, 1, 2, 3, 4), norm_cfg=dict(type='BN'))
disparity_decoder = dict(
    type='DisparityDecoder', in_channels=(16, 32, 64, 128, 256), channels=(8, 16, 32, 64, 128),
    num_scales=2, depth_range=(0.1, 10.), initial_depth=1.5,  # units of 10 m
    norm_cfg=dict(type='BN'))
single_frame = dict(
    type='SingleFrameDepth',
    backbone=slim_dla,
    decode_head=disparity_decoder,
    pose_network=None,
    length_unit=length_unit,
    smoothness_weight=1e-3)
multi_frame = dict(
    type='MultiFrameDepth',
    teacher=single_frame,
    backbone=slim_dla,
    decode_head=disparity_decoder,
    matching_level=1,  # stride 4
    matching_channels=32,
    depth_bins=dict(num_bins=32, start=(0.1, 6.), momentum=0.99, floor=0.1),
    static_prob=0.25,
    no_motion_prob=0.25,
    agreement=2.,
    length_unit=length_unit,
    loss=dict(type='MultiFrameLoss', ssim_weight=0.85))
