# Quasi-isometric loss with B 0
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.update(B=0.0)
model = dict(auxiliary=auxiliary)
