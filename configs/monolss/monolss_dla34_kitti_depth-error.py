# A KITTI detector's depth error on KITTI val, beside its AP: the near half of the
# cross-dataset comparison.
#   python tools/test.py configs/monolss/monolss_dla34_kitti_depth-error.py CHECKPOINT
_base_ = './monolss_dla34_kitti.py'
test_evaluator = [dict(type='KittiAPMetric'), dict(type='DepthErrorMetric')]
