# Margin 5 (table VI: AbsRel 0.1379, RMSE 0.4870, delta1 0.8098)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy.update(ranges=[(0.5, 1.0)], margins=[5.0])
model = dict(auxiliary=auxiliary)
