# Multi-frame depth with MAL and a motion test for each instance, fine-tuned on Cityscapes.
_base_ = './mal_cityscapes.py'
model = dict(loss=dict(motion_gate=dict(mode='hard', tolerance=2., depth_slack=1.8)))
