# 10 samples across the batch only (table IV: AbsRel 0.1390, RMSE 0.4763, delta1 0.8122)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.update(num_within=0, num_across=10)
auxiliary[0].loss.strategy.update(ranges=[(0.5, 1.0)], margins=[2.0])
model = dict(auxiliary=auxiliary)
