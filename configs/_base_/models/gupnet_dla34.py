# GUPNet (Lu et al., ICCV 2021). Depth follows from the object's height in metres and in pixels,
# with the uncertainty of both.
_base_ = './center_dla34.py'

model = dict(
    object_head=dict(
        depth_head=dict(
            type='GeometricDepthHead', loss=dict(type='LaplacianAleatoricLoss')),
        loss_size_3d=dict(type='UncertainHeightSizeLoss')),
    # Released code: the threshold of 0.2 applies to heatmap score times certainty.
    test_cfg=dict(heatmap_threshold=0.0, score_threshold=0.2))
