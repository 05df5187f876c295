# Margins 3, 5 (table VI: AbsRel 0.1371, RMSE 0.4750, delta1 0.8169)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy.update(ranges=[(0.5, 1.0), (1.0, 1.5)], margins=[3.0, 5.0])
model = dict(auxiliary=auxiliary)
