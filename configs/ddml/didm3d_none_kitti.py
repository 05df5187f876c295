# DID-M3D on KITTI alone.
_base_ = '../didm3d/didm3d_dla34_kitti.py'
