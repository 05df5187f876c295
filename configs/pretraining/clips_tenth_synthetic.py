# MonoLSS from MAL on rendered clips, a tenth of the frames of the synthetic set.
_base_ = ['./scratch_tenth_synthetic.py', '../_base_/models/slim_encoders.py']
model = dict(backbone=dict(init_cfg=dict(_delete_=True, **_base_.clips_encoder)))
