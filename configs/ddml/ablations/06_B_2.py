# Quasi-isometric loss with B 2
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.update(B=2.0)
model = dict(auxiliary=auxiliary)
