# Common model of LT, BTS and NeWCRFs: ImageNet's normalisation, and the scale-invariant loss with
# the constants of BTS and NeWCRFs. The config of each dataset sets depth_range.
_base_ = './imagenet_preprocessor.py'

model = dict(
    type='DepthEstimator',
    decode_head=dict(
        depth_range=(0.1, 10.0),  # metres
        loss_depth=dict(type='ScaleInvariantLogLoss', alpha=10.0, focus=0.85)),
    test_cfg=dict(flip=False))
