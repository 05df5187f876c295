# GUPNet on Waymo with the quasi-isometric loss.
_base_ = ['../gupnet/gupnet_dla34_waymo.py', '../_base_/auxiliaries/ddml.py']
model = dict(auxiliary=[_base_.quasi_isometric])
