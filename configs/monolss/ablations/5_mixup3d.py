# MixUp3D, no sample selection
_base_ = '../monolss_dla34_{{$ABLATION_DATA:kitti}}.py'
model = dict(object_head=dict(depth_head=dict(
    sample_selector=dict(_delete_=True, type='AllSamples'))))
