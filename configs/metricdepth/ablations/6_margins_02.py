# Margin 2 (table V: AbsRel 0.1375, RMSE 0.4734, delta1 0.8142; VI: 0.1377, 0.4754, 0.8152)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy.update(ranges=[(0.5, 1.0)], margins=[2.0])
model = dict(auxiliary=auxiliary)
