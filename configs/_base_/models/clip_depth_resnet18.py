# Single-frame and multi-frame depth with ResNet-18, as published by Godard et al. (2019) and
# Watson et al. (2021). A config chooses one: model = _base_.multi_frame.
clip_preprocessor = dict(
    type='ClipPreprocessor', mean=[0.45] * 3, std=[0.225] * 3, bgr_to_rgb=True)
resnet18 = dict(
    type='TorchvisionBackbone',
    name='resnet18',
    nodes=['relu', 'layer1', 'layer2', 'layer3', 'layer4'],  # strides 2 to 32
    init_cfg=dict(
        type='TorchvisionImageNetInit',
        checkpoint='https://download.pytorch.org/models/resnet18-f37072fd.pth'))
disparity_decoder = dict(
    type='DisparityDecoder', in_channels=(64, 64, 128, 256, 512),
    channels=(16, 32, 64, 128, 256), num_scales=4, depth_range=(0.1, 100.))
pose_network = dict(
    type='PoseNetwork', backbone={**resnet18, 'nodes': ['layer4'], 'num_images': 2},
    in_channels=512, scale=0.01)
single_frame = dict(
    type='SingleFrameDepth',
    backbone=resnet18,
    decode_head=disparity_decoder,
    pose_network=pose_network,
    smoothness_weight=1e-3)
multi_frame = dict(
    type='MultiFrameDepth',
    teacher=single_frame,
    backbone=resnet18,
    decode_head=disparity_decoder,
    matching_level=1,  # stride 4
    matching_channels=64,
    depth_bins=dict(num_bins=96, start=(0.1, 10.), momentum=0.99),
    static_prob=0.25,
    no_motion_prob=0.25,
    agreement=2.,
    loss=dict(type='MultiFrameLoss', ssim_weight=0.85))
