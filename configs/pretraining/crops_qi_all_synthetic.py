# MonoLSS from PLM on object crops with the quasi-isometric loss, all frames of the synthetic set.
_base_ = ['./crops_all_synthetic.py', '../_base_/auxiliaries/ddml_monolss.py']
model = dict(auxiliary=[_base_.quasi_isometric])
