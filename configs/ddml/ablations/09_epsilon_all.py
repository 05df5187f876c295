# Quasi-isometric loss with epsilon 1,000 m, so that all pairs count
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.update(epsilon=1000.0)
model = dict(auxiliary=auxiliary)
