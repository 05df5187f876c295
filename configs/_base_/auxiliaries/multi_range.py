# MetricDepth's loss as an auxiliary of detectors, on object-wise depth (docs/metricdepth.md).
multi_range = dict(
    type='MultiRangeAuxiliary',
    # 'objects' needs 3D boxes alone, 'dense' needs samples with depth maps.
    depth='objects',
    loss=dict(
        type='MultiRangeMetricLoss',
        # Table II, LT+Ours on KITTI.
        strategy=dict(
            type='MultiRangeStrategy',
            positive_threshold=0.1,
            ranges=[(1.0, 5.0), (5.0, 10.0), (10.0, 15.0)],
            margins=[2.0, 3.0, 3.5]),
        # Section IV-C.
        num_within=10,
        num_across=4,
        # Start value of this project.
        loss_weight=0.1))
