# depths divided by the zoom of the crop
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].depth_space = 'apparent'
model = dict(auxiliary=auxiliary)
