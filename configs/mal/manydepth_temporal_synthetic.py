# Multi-frame depth with MAL's temporal hint on rendered clips.
_base_ = './manydepth_synthetic.py'
model = dict(
    instances=dict(type='InstanceMatcher', match='id'),
    loss=dict(
        type='MotionAwareLoss', temporal=True, distil=False,
        depth_range=_base_.disparity_decoder.depth_range))
