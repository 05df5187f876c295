# MonoDLE (Ma et al., CVPR 2021): everything from the cell of the projected 3D centre.
_base_ = './center_dla34.py'

model = dict(
    object_head=dict(
        type='ObjectHead3D',
        in_channels=_base_.feature_channels,
        hidden_channels=_base_.hidden_channels,
        extractor=dict(type='ObjectPointExtractor'),
        heading_coder=_base_.heading_coder,
        depth_head=dict(type='DirectDepthHead', loss=dict(type='LaplacianAleatoricLoss')),
        loss_size_3d=dict(type='DimensionAwareL1Loss'),
        loss_offset_3d=dict(type='mmdet.L1Loss'),
        loss_heading=dict(type='HeadingBinLoss'),
        # Released code: a crop changes what depth looks like, but not the label.
        learn_cropped=False),
    # Sizes are absolute, headings those of KITTI's labels.
    coder=dict(mean_sizes=None, heading_center='projected'))
