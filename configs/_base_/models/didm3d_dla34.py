# DID-M3D (Peng et al., ECCV 2022): depth of the visible surface plus the attribute depth
# behind it, at every ROI location; surfaces are taught by dense depth maps.
_base_ = './center_dla34.py'

model = dict(
    object_head=dict(
        type='ObjectHead3D',
        in_channels=_base_.feature_channels,
        hidden_channels=_base_.hidden_channels,
        extractor=_base_.roi_extractor,
        heading_coder=_base_.heading_coder,
        depth_head=dict(
            type='VisualAttributeDepthHead',
            max_attribute=3.0,
            loss=dict(type='LaplacianAleatoricLoss')),
        loss_size_3d=dict(type='mmdet.L1Loss'),
        loss_offset_3d=dict(type='mmdet.L1Loss'),
        loss_heading=dict(type='HeadingBinLoss')))
