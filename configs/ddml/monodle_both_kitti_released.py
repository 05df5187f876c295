# MonoDLE on KITTI with both auxiliaries as in the authors' released code.
# Cars alone, batch 16 and the schedule are the baseline's, which equal the released recipe.
_base_ = ['../monodle/monodle_dla34_kitti.py', '../_base_/auxiliaries/ddml_released.py']
model = dict(auxiliary=[_base_.quasi_isometric, _base_.object_depth])
