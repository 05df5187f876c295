# Uniform strategy, 1.5 m, margin 3 (table VII: AbsRel 0.1396, RMSE 0.4831, delta1 0.8119)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy = dict(
    type='UniformStrategy', positive_threshold=0.1, negative_threshold=1.5, margin=3.0)
model = dict(auxiliary=auxiliary)
