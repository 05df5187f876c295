# MonoLSS on KITTI alone.
_base_ = '../monolss/monolss_dla34_kitti.py'
