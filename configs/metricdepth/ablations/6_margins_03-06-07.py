# Margins 3, 6, 7 (table VI: AbsRel 0.1372, RMSE 0.4740, delta1 0.8163)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy.update(
    ranges=[(0.5, 1.0), (1.0, 1.5), (1.5, 2.0)], margins=[3.0, 6.0, 7.0])
model = dict(auxiliary=auxiliary)
