# Uniform strategy, 1 m, margin 3 (table VII: AbsRel 0.1383, RMSE 0.4804, delta1 0.8142)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy = dict(
    type='UniformStrategy', positive_threshold=0.1, negative_threshold=1.0, margin=3.0)
model = dict(auxiliary=auxiliary)
