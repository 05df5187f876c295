# MonoCon (Liu et al., AAAI 2022). Each object is predicted from the cell of its 2D box's centre,
# with attentive normalisation. The projected corners are an auxiliary task.
_base_ = './center_dla34.py'

norm_cfg = dict(type='AttnBN', num_affines=10)
keypoints = dict(
    type='KeypointHead',
    in_channels=_base_.feature_channels,
    hidden_channels=64,
    min_overlap=0.3,
    loss_heatmap=dict(type='mmdet.GaussianFocalLoss', alpha=2.0, gamma=4.0),
    loss_offset=dict(type='WeightedL1Loss'),
    # The paper's L1 loss is over nine keypoints. The ninth, the centre, is offset_3d.
    loss_corners=dict(type='WeightedL1Loss', loss_weight=8 / 9),
    norm_cfg=norm_cfg)

model = dict(
    dense_head=dict(
        hidden_channels=64, norm_cfg=norm_cfg,
        loss_size_2d=dict(type='mmdet.L1Loss', loss_weight=0.1)),
    object_head=dict(
        hidden_channels=64,
        extractor=dict(_delete_=True, type='ObjectPointExtractor', norm_cfg=norm_cfg),
        depth_head=dict(type='DirectDepthHead', loss=dict(type='LaplacianAleatoricLoss')),
        loss_size_3d=dict(type='DimensionAwareL1Loss', divisor='prediction'),
        loss_offset_3d=dict(type='WeightedL1Loss', loss_weight=1 / 9),
        loss_heading=dict(type='HeadingBinLoss', independent_bins=True)),
    coder=dict(mean_sizes=None, cell_center='box', heading_center='projected'),
    assigner=dict(min_overlap=0.3, exact_radius=True),
    auxiliary=[keypoints],
    test_cfg=dict(max_detections=30, heatmap_threshold=0.0, score_threshold=0.4))
