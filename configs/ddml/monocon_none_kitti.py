# MonoCon on KITTI alone.
_base_ = '../monocon/monocon_dla34_kitti.py'
