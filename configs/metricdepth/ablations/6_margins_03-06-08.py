# Margins 3, 6, 8 (tables VI and VIII: AbsRel 0.1365, RMSE 0.4731, delta1 0.8182)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy.update(
    ranges=[(0.5, 1.0), (1.0, 1.5), (1.5, 2.0)], margins=[3.0, 6.0, 8.0])
model = dict(auxiliary=auxiliary)
