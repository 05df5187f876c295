# Multi-frame depth with MAL's distillation hint on rendered clips.
_base_ = './manydepth_synthetic.py'
model = dict(
    loss=dict(
        type='MotionAwareLoss', temporal=False, distil=True,
        depth_range=_base_.disparity_decoder.depth_range))
