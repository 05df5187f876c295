# Multi-frame depth with MAL, both hints, on rendered clips.
_base_ = './manydepth_temporal_synthetic.py'
model = dict(loss=dict(distil=True))
