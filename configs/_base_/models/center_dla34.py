# Common model of MonoDLE, MonoCon, GUPNet, DID-M3D and MonoLSS: DLA-34, DLA-up, CenterNet's
# 2D heads, and a 3D head on the ROI of each object. An object is assigned to the cell of its
# projected 3D centre. Each detector's file adds a depth head and the differences of its paper.
_base_ = './imagenet_preprocessor.py'

detected_classes = ['Pedestrian', 'Car', 'Cyclist']
num_classes = len(detected_classes)
stride = 4
feature_channels = 64
hidden_channels = 256

model = dict(
    type='CenterMono3D',
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
        hidden_channels=hidden_channels,
        loss_heatmap=dict(type='mmdet.GaussianFocalLoss', alpha=2.0, gamma=4.0),
        loss_offset_2d=dict(type='mmdet.L1Loss'),
        loss_size_2d=dict(type='mmdet.L1Loss')),
    object_head=dict(
        type='ObjectHead3D',
        in_channels=feature_channels,
        hidden_channels=hidden_channels,
        extractor=dict(
            type='ObjectROIExtractor', num_classes=num_classes, roi_size=7, stride=stride),
        heading_coder=dict(type='HeadingBinCoder', num_bins=12),
        loss_size_3d=dict(type='WeightedL1Loss'),
        loss_offset_3d=dict(type='WeightedL1Loss'),
        loss_heading=dict(type='HeadingBinLoss')),
    coder=dict(
        type='CenterCoder',
        class_names=detected_classes,
        # Height, width, length in metres, means of KITTI train (released code of GUPNet,
        # DID-M3D and MonoLSS).
        mean_sizes=dict(
            Pedestrian=(1.76255119, 0.66068622, 0.84422524),
            Car=(1.52563191462, 1.62856739989, 3.88311640418),
            Cyclist=(1.73698127, 0.59706367, 1.76282397)),
        stride=stride),
    assigner=dict(type='CenterTargetAssigner', min_overlap=0.7),
    # An nms_iou of 1 suppresses no box: none of these detectors uses NMS on boxes.
    test_cfg=dict(
        max_detections=50, heatmap_threshold=0.2, score_threshold=0.0, nms_iou=1.0))
