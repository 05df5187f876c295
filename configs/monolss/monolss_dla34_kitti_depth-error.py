# Tests the AP and the depth error of a KITTI detector on KITTI val.
#   python tools/test.py configs/monolss/monolss_dla34_kitti_depth-error.py CHECKPOINT
_base_ = './monolss_dla34_kitti.py'
test_evaluator = [dict(type='KittiAPMetric'), dict(type='ObjectDepthMetric')]
