# MonoDLE on KITTI with the quasi-isometric loss.
_base_ = ['../monodle/monodle_dla34_kitti.py', '../_base_/auxiliaries/ddml_monodle.py']
model = dict(auxiliary=[_base_.quasi_isometric])
