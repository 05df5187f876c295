# MonoDLE (Ma et al., CVPR 2021): everything from the cell of the projected 3D centre.
_base_ = './center_dla34.py'

model = dict(
    object_head=dict(
        extractor=dict(_delete_=True, type='ObjectPointExtractor'),
        depth_head=dict(type='DirectDepthHead', loss=dict(type='LaplacianAleatoricLoss')),
        loss_size_3d=dict(type='DimensionAwareL1Loss'),
        # Released code: a crop changes what depth looks like, but not the label.
        learn_cropped=False),
    # Sizes are absolute, headings those of KITTI's labels.
    coder=dict(mean_sizes=None, heading_center='projected'))
