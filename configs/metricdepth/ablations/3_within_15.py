# 15 samples within the map only (table III: AbsRel 0.1381, RMSE 0.4744, delta1 0.8133)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.update(num_within=15, num_across=0)
auxiliary[0].loss.strategy.update(ranges=[(0.5, 1.0)], margins=[2.0])
model = dict(auxiliary=auxiliary)
