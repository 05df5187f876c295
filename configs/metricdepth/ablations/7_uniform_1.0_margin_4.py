# Uniform strategy, 1 m, margin 4 (table VII: AbsRel 0.1379, RMSE 0.4776, delta1 0.8149)
_base_ = '../lt_multi-range_{{$ABLATION_DATA:nyu}}.py'
auxiliary = _base_.model.auxiliary
auxiliary[0].loss.strategy = dict(
    type='UniformStrategy', positive_threshold=0.1, negative_threshold=1.0, margin=4.0)
model = dict(auxiliary=auxiliary)
