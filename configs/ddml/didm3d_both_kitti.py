# DID-M3D on KITTI with the quasi-isometric loss and object-wise depth maps.
_base_ = ['../didm3d/didm3d_dla34_kitti.py', '../_base_/auxiliaries/ddml.py']
model = dict(auxiliary=[_base_.quasi_isometric, _base_.object_depth])
