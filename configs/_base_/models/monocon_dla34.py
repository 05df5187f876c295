# MonoCon (Liu et al., AAAI 2022). Each object is predicted from the cell of its 2D box's centre,
# with attentive normalisation. The projected corners are an auxiliary task. Values are those of
# configs/_base_/models/monocon_dla34.py and monocon_head.py in the released code.
_base_ = './center_dla34.py'

# mmcv's default epsilon is 1e-5 for every normalisation, so the released value is given here.
norm_cfg = dict(type='AttnBN', num_affines=10, eps=1e-3, momentum=0.03)
keypoints = dict(
    type='KeypointHead',
    in_channels=_base_.feature_channels,
    hidden_channels=64,
    min_overlap=0.3,
    loss_heatmap=dict(type='mmdet.GaussianFocalLoss', alpha=2.0, gamma=4.0),
    loss_offset=dict(type='WeightedL1Loss'),
    norm_cfg=norm_cfg)

model = dict(
    dense_head=dict(
        hidden_channels=64, norm_cfg=norm_cfg,
        loss_size_2d=dict(type='mmdet.L1Loss', loss_weight=0.1)),
    object_head=dict(
        hidden_channels=64,
        extractor=dict(_delete_=True, type='ObjectPointExtractor', norm_cfg=norm_cfg),
        depth_head=dict(
            type='DirectDepthHead', eps=1e-12, loss=dict(type='LaplacianAleatoricLoss')),
        loss_size_3d=dict(type='DimensionAwareL1Loss', divisor='prediction'),
        loss_heading=dict(type='HeadingBinLoss', independent_bins=True),
        # One branch predicts the offsets of the eight corners and of the centre.
        num_keypoints=9),
    coder=dict(mean_sizes=None, cell_center='box', heading_center='projected'),
    assigner=dict(min_overlap=0.3, exact_radius=True),
    auxiliary=[keypoints],
    # Released code: boxes are kept whatever their size.
    test_cfg=dict(
        max_detections=30, heatmap_threshold=0.0, score_threshold=0.4,
        keep_nonpositive_sizes=True))
