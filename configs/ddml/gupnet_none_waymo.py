# GUPNet on Waymo alone.
_base_ = '../gupnet/gupnet_dla34_waymo.py'
