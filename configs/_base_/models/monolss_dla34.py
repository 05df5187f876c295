# MonoLSS: DLA-34, DLA-up, CenterNet 2D heads, ROI-Align 3D heads.
detected_classes = ['Pedestrian', 'Car', 'Cyclist']
num_classes = len(detected_classes)
stride = 4
feature_channels = 64

# Which ROI locations learn to regress depth: MonoLSS, section 3.2, with the constants
# of its released code. dict(type='AllSamples') in its place selects nothing.
sample_selector = dict(
    type='LearnableSampleSelector',
    tau=1.0,
    ratio_threshold=1000.0,
    legacy_divider=True,
    loss_factor=10.0)

model = dict(
    type='CenterROIMono3D',
    data_preprocessor=dict(
        type='UnitRangePreprocessor',
        mean=[0.485, 0.456, 0.406],
        std=[0.229, 0.224, 0.225],
        bgr_to_rgb=True,
        pad_size_divisor=32),
    backbone=dict(
        type='DLANet',
        depth=34,
        out_indices=(2, 3, 4, 5),
        norm_cfg=dict(type='BN'),
        init_cfg=dict(
            type='DLAImageNetInit',
            checkpoint='http://dl.yf.io/dla/models/imagenet/dla34-ba72cf86.pth')),
    neck=dict(type='DLAUpConcatNeck', in_channels=(64, 128, 256, 512)),
    dense_head=dict(
        type='CenterHead2D',
        num_classes=num_classes,
        in_channels=feature_channels,
        hidden_channels=256,
        loss_heatmap=dict(type='mmdet.GaussianFocalLoss', alpha=2.0, gamma=4.0),
        loss_offset_2d=dict(type='mmdet.L1Loss'),
        loss_size_2d=dict(type='mmdet.L1Loss')),
    roi_head=dict(
        type='ObjectHead3D',
        in_channels=feature_channels,
        hidden_channels=256,
        extractor=dict(
            type='ObjectROIExtractor', num_classes=num_classes, roi_size=7, stride=stride),
        heading_coder=dict(type='HeadingBinCoder', num_bins=12),
        sample_selector=sample_selector,
        # MonoLSS's released code weighs the depth loss by 10.
        loss_depth=dict(type='LaplacianAleatoricLoss', loss_weight=10.0),
        loss_size_3d=dict(type='mmdet.L1Loss'),
        loss_offset_3d=dict(type='mmdet.L1Loss'),
        loss_heading=dict(type='HeadingBinLoss')),
    coder=dict(
        type='CenterROICoder',
        class_names=detected_classes,
        # Height, width, length in metres (KITTI train; MonoLSS's released code).
        mean_sizes=dict(
            Pedestrian=(1.76255119, 0.66068622, 0.84422524),
            Car=(1.52563191462, 1.62856739989, 3.88311640418),
            Cyclist=(1.73698127, 0.59706367, 1.76282397)),
        stride=stride),
    assigner=dict(type='CenterTargetAssigner', min_overlap=0.7),
    # MonoLSS suppresses no overlapping boxes.
    test_cfg=dict(max_detections=50, score_threshold=0.2, nms_iou=1.0))
