# MonoLSS from PLM on object crops, all frames of the synthetic set.
_base_ = ['./scratch_all_synthetic.py', '../_base_/models/slim_encoders.py']
model = dict(backbone=dict(init_cfg=dict(_delete_=True, **_base_.crops_encoder)))
