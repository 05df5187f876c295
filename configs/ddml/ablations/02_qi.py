# Quasi-isometric loss with K 2, B 1, epsilon 10 m, weight 0.3
_base_ = '../monolss_qi_{{$ABLATION_DATA:kitti}}.py'
