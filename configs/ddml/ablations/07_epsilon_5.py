# Quasi-isometric loss with epsilon 5 m
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.update(epsilon=5.0)
model = dict(auxiliary=auxiliary)
