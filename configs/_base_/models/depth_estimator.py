# What LT, BTS and NeWCRFs share: ImageNet's normalisation, and the scale-invariant loss with
# the constants of BTS and NeWCRFs. Data sets give the decoder its range of depth.
model = dict(
    type='DepthEstimator',
    data_preprocessor=dict(
        type='UnitRangePreprocessor',
        mean=[0.485, 0.456, 0.406],
        std=[0.229, 0.224, 0.225],
        bgr_to_rgb=True,
        pad_size_divisor=32),
    decode_head=dict(
        depth_range=(0.1, 10.0),  # metres
        loss_depth=dict(type='ScaleInvariantLogLoss', alpha=10.0, focus=0.85)),
    test_cfg=dict(flip=False))
