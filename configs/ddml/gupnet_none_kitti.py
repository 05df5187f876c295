# GUPNet on KITTI alone.
_base_ = '../gupnet/gupnet_dla34_kitti.py'
