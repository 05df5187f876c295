# MonoLSS on Waymo with object-wise depth maps.
_base_ = ['../monolss/monolss_dla34_waymo.py', '../_base_/auxiliaries/ddml.py']
model = dict(auxiliary=[_base_.object_depth])
