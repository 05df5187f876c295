# No sample selection, no MixUp3D
_base_ = './4_lss.py'
model = dict(object_head=dict(depth_head=dict(
    sample_selector=dict(_delete_=True, type='AllSamples'))))
