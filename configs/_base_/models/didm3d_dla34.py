# DID-M3D (Peng et al., ECCV 2022). Depth at each ROI location is the depth of the visible surface
# plus an attribute depth. Dense depth maps supervise the surface depth.
_base_ = './center_dla34.py'

model = dict(
    object_head=dict(
        depth_head=dict(
            type='VisualAttributeDepthHead',
            max_attribute=3.0,
            loss=dict(type='LaplacianAleatoricLoss'))))
