# Multi-frame depth with MAL and a motion test for each instance on rendered clips.
_base_ = './mal_synthetic.py'
model = dict(loss=dict(motion_gate=dict(mode='hard', tolerance=1.5, depth_slack=1.4)))
