# MonoLSS alone
_base_ = '../monolss_none_{{$ABLATION_DATA:kitti}}.py'
