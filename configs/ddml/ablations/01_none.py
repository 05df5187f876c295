# MonoLSS without auxiliaries
_base_ = '../../monolss/monolss_dla34_{{$ABLATION_DATA:kitti}}.py'
