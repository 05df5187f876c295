# Single-frame depth on rendered clips.
_base_ = './manydepth_synthetic.py'
model = {**_base_.single_frame, '_delete_': True, 'data_preprocessor': _base_.clip_preprocessor}
