# Uniform strategy, 0.5 m, margin 5 (table VII: AbsRel 0.1379, RMSE 0.4780, delta1 0.8149)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy = dict(
    type='UniformStrategy', positive_threshold=0.1, negative_threshold=0.5, margin=5.0)
model = dict(auxiliary=auxiliary)
