# Multi-frame depth with MAL, both hints, fine-tuned from ManyDepth on Cityscapes.
_base_ = [
    '../_base_/datasets/cityscapes_clips.py',
    '../_base_/models/clip_depth_resnet18.py',
    '../_base_/schedules/mal_cityscapes_7e.py',
    '../_base_/default_runtime.py'
]
# Masks of movable instances:
# python tools/create_data.py instances --root data/cityscapes --model maskrcnn_resnet50_fpn_v2
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(
            img='leftImg8bit_sequence', camera='camera',
            instances='instances/leftImg8bit_sequence'),
        pipeline=_base_.instance_pipeline))
# Teacher, student and motion are trained, with the loss of the finest scale.
model = {
    **_base_.multi_frame,
    'data_preprocessor': _base_.clip_preprocessor,
    'loss_scales': 1,
    'instances': dict(type='InstanceMatcher', match='iou', floor=0.3),
    'loss': dict(type='MotionAwareLoss', temporal=True, distil=True, ssim_weight=0.85),
}
load_from = 'work_dirs/manydepth_cityscapes/epoch_20.pth'
