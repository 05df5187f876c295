# Quasi-isometric loss with K 1.25
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.update(K=1.25)
model = dict(auxiliary=auxiliary)
