# Rank-N-Contrast (SupCR) in place of the quasi-isometric loss, temperature 2
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss = dict(type='RankNContrastLoss', tau=2.0, loss_weight=0.1)
model = dict(auxiliary=auxiliary)
