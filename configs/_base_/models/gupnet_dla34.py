# GUPNet (Lu et al., ICCV 2021): depth from heights in the world and in the image, with
# the uncertainty of both.
_base_ = './center_dla34.py'

model = dict(
    object_head=dict(
        depth_head=dict(
            type='GeometricDepthHead', loss=dict(type='LaplacianAleatoricLoss')),
        loss_size_3d=dict(type='UncertainHeightSizeLoss')),
    # Released code: the product of heatmap and certainty must reach 0.2.
    test_cfg=dict(heatmap_threshold=0.0, score_threshold=0.2))
