# LSS and MixUp3D, the recipe of the paper
_base_ = '../monolss_dla34_{{$ABLATION_DATA:kitti}}.py'
