# Margins 3, 4 (table VI: AbsRel 0.1373, RMSE 0.4781, delta1 0.8140)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy.update(ranges=[(0.5, 1.0), (1.0, 1.5)], margins=[3.0, 4.0])
model = dict(auxiliary=auxiliary)
