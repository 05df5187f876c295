# Quasi-isometric loss with weight 1
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.update(loss_weight=1.0)
model = dict(auxiliary=auxiliary)
