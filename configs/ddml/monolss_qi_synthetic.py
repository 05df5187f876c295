# MonoLSS on the synthetic set with the quasi-isometric loss.
_base_ = ['../monolss/monolss_dla34_synthetic.py', '../_base_/auxiliaries/ddml_monolss.py']
model = dict(auxiliary=[_base_.quasi_isometric])
