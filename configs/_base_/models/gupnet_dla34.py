# GUPNet (Lu et al., ICCV 2021): depth from heights in the world and in the image, with
# the uncertainty of both.
_base_ = './center_dla34.py'

model = dict(
    object_head=dict(
        type='ObjectHead3D',
        in_channels=_base_.feature_channels,
        hidden_channels=_base_.hidden_channels,
        extractor=_base_.roi_extractor,
        heading_coder=_base_.heading_coder,
        depth_head=dict(
            type='GeometricDepthHead', loss=dict(type='LaplacianAleatoricLoss')),
        predict_height_variance=True,
        loss_size_3d=dict(type='UncertainHeightSizeLoss'),
        loss_offset_3d=dict(type='mmdet.L1Loss'),
        loss_heading=dict(type='HeadingBinLoss')),
    # Released code: the product of heatmap and certainty must reach 0.2.
    test_cfg=dict(heatmap_threshold=0.0, score_threshold=0.2))
