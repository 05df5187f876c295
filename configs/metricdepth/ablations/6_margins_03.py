# Margin 3 (table VI: AbsRel 0.1372, RMSE 0.4749, delta1 0.8161)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy.update(ranges=[(0.5, 1.0)], margins=[3.0])
model = dict(auxiliary=auxiliary)
