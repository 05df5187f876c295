# Uniform strategy, 1.5 m, margin 4 (table VII: AbsRel 0.1392, RMSE 0.4823, delta1 0.8135)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy = dict(
    type='UniformStrategy', positive_threshold=0.1, negative_threshold=1.5, margin=4.0)
model = dict(auxiliary=auxiliary)
