# DID-M3D (Peng et al., ECCV 2022): depth of the visible surface plus the attribute depth
# behind it, at every ROI location; surfaces are taught by dense depth maps.
_base_ = './center_dla34.py'

model = dict(
    object_head=dict(
        depth_head=dict(
            type='VisualAttributeDepthHead',
            max_attribute=3.0,
            loss=dict(type='LaplacianAleatoricLoss'))))
