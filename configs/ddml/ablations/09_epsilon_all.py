# epsilon beyond the farthest pair: all pairs
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.update(epsilon=1000.0)
model = dict(auxiliary=auxiliary)
