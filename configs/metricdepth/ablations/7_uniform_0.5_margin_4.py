# Uniform strategy, 0.5 m, margin 4 (tables VII, VIII: AbsRel 0.1371, RMSE 0.4745, delta1 0.8159)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy = dict(
    type='UniformStrategy', positive_threshold=0.1, negative_threshold=0.5, margin=4.0)
model = dict(auxiliary=auxiliary)
