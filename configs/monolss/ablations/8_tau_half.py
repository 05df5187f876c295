# LSS and MixUp3D, temperature 0.5
_base_ = '../monolss_dla34_{{$ABLATION_DATA:kitti}}.py'
model = dict(object_head=dict(depth_head=dict(sample_selector=dict(tau=0.5))))
