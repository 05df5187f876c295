# Margin 4 (table VI: AbsRel 0.1376, RMSE 0.4764, delta1 0.8117)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy.update(ranges=[(0.5, 1.0)], margins=[4.0])
model = dict(auxiliary=auxiliary)
