# MonoDLE (Ma et al., CVPR 2021). Each object is predicted from the cell of its projected 3D
# centre.
_base_ = './center_dla34.py'

model = dict(
    object_head=dict(
        extractor=dict(_delete_=True, type='ObjectPointExtractor'),
        depth_head=dict(type='DirectDepthHead', loss=dict(type='LaplacianAleatoricLoss')),
        loss_size_3d=dict(type='DimensionAwareL1Loss', divisor='target'),
        # Released code: cropped images train no depth, since the crop changes the object's size
        # in pixels but not its labelled depth.
        learn_cropped=False),
    # Sizes are absolute. Headings are relative to the ray of the projected 3D centre, as alpha.
    coder=dict(mean_sizes=None, heading_center='projected'),
    # Released code: boxes are kept whatever their size.
    test_cfg=dict(keep_nonpositive_sizes=True))
