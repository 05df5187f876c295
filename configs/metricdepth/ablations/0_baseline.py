# LT without MetricDepth (tables VI, VII and VIII: AbsRel 0.1407, RMSE 0.4862, delta1 0.8058)
_base_ = '../lt_{{$ABLATION_DATA:nyu}}.py'
