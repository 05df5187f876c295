# Quasi-isometric loss on depths divided by the scale of the crop
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].depth_space = 'apparent'
model = dict(auxiliary=auxiliary)
