# Learnable Sample Selection + MixUp3D
_base_ = '../monolss_dla34_{{$ABLATION_DATA:kitti}}.py'
