# Uniform strategy, 1.5 m, margin 6 (table VII: AbsRel 0.1395, RMSE 0.4829, delta1 0.8128)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy = dict(
    type='UniformStrategy', positive_threshold=0.1, negative_threshold=1.5, margin=6.0)
model = dict(auxiliary=auxiliary)
