# Quasi-isometric loss with K 4
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.update(K=4.0)
model = dict(auxiliary=auxiliary)
