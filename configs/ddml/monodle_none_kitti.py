# MonoDLE on KITTI alone.
_base_ = '../monodle/monodle_dla34_kitti.py'
