# Rank-N-Contrast (SupCR), temperature 2, in its place
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss = dict(type='RankNContrastLoss', tau=2.0, loss_weight=0.1)
model = dict(auxiliary=auxiliary)
