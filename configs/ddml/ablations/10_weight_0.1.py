# Quasi-isometric loss with weight 0.1
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.update(loss_weight=0.1)
model = dict(auxiliary=auxiliary)
