# Multi-frame depth with a pose network on rendered clips, with its pose error.
_base_ = './manydepth_synthetic.py'
pose_network = dict(
    _delete_=True,
    type='PoseNetwork',
    backbone=dict(
        type='TorchvisionBackbone', name='resnet18', nodes=['layer4'], num_images=2),
    in_channels=512)
# The unit of depth is free.
model = dict(
    length_unit=1.,
    teacher=dict(pose_network=pose_network, length_unit=1.))
val_evaluator = [*_base_.val_evaluator, dict(type='PoseMetric', snippet=5)]
test_evaluator = val_evaluator
