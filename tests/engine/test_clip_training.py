"""Trainings of the clip configs from end to end on tiny sets."""
import json
import re

import pytest
import torch
from tiny_cityscapes import write_cityscapes
from tiny_config import ROOT, write_clip_config
from tiny_raw import write_kitti_raw

SMALL = """
_base_ = '{root}/configs/mal/{base}.py'
pipelines = [_base_.{pipeline}, _base_.test_pipeline]
for pipeline in pipelines:
    next(item for item in pipeline if item.type == 'CropScaleAffine').input_size = (96, 64)
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(
    data_root='{data}', {train} pipeline=pipelines[0]))
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(
    data_root='{data}', {test} pipeline=pipelines[1]))
test_dataloader = val_dataloader
small = dict(
    backbone=dict(_delete_=True, type='SlimDLANet', out_indices=(0, 1, 2, 3, 4),
                  norm_cfg=dict(type='BN')),
    decode_head=dict(in_channels=(16, 32, 64, 128, 256)))
pose_network = dict(backbone=dict(nodes=['layer2'], init_cfg=None), in_channels=128)
model = dict(**small, teacher=dict(**small, pose_network=pose_network),
             matching_channels=32, depth_bins=dict(num_bins=8))
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(logger=dict(interval=1))
load_from = None
param_scheduler = []
"""
KITTI = dict(train="ann_file='splits/train.txt',", test="ann_file='splits/test.txt',")


def train(run_tool, config, folder):
    """Return the last logged value of each figure of a training, and its output."""
    code, printed = run_tool('train', config, '--work-dir', folder)
    assert code == 0, printed.err
    values = {}
    path, = folder.glob('*/vis_data/scalars.json')
    for line in path.read_text().splitlines():
        values.update(json.loads(line))
    return values, printed.out + printed.err


def test_synthetic_training_reports_moving_and_static_instances(run_tool, tiny_clips, tmp_path):
    # mmengine's logger has the name of the config and of the second. A training of another test
    # in the same second must not share it.
    config = write_clip_config(tmp_path, tiny_clips, extra='train_cfg = dict(max_epochs=1)',
                               name='synthetic_clips.py')
    values, printed = train(run_tool, config, tmp_path / 'run')
    assert all(name in values for name in (
        'loss_teacher', 'loss_student', 'loss_consistency', 'loss_distil', 'loss_smoothness',
        'motion_gated', 'depth/AbsRel', 'depth/RMSE', 'instance_depth/movable_images'))
    assert re.search(r'^moving ', printed, re.MULTILINE)
    code, printed = run_tool('test', config, tmp_path / 'run/epoch_1.pth', '--work-dir',
                             tmp_path / 'test', '--show-dir', tmp_path / 'pictures')
    assert code == 0, printed.err
    assert len(list((tmp_path / 'pictures').glob('*.jpg'))) == 3


@pytest.mark.parametrize('base', [
    'mal_gate_kitti', pytest.param('manydepth_kitti', marks=pytest.mark.slow)])
def test_kitti_configs_train(run_tool, tmp_path, base):
    data = write_kitti_raw(tmp_path / 'data', instances=True)
    if base == 'mal_gate_kitti':
        # The generator writes masks without the folder of the images.
        (data / 'instances/raw').mkdir()
        for drive in (data / 'instances').glob('2011*'):
            drive.rename(data / 'instances/raw' / drive.name)
    config = tmp_path / 'small.py'
    pipeline = 'instance_pipeline' if base == 'mal_gate_kitti' else 'train_pipeline'
    config.write_text(SMALL.format(root=ROOT, base=base, data=data, pipeline=pipeline, **KITTI))
    values, _ = train(run_tool, config, tmp_path / 'run')
    assert values['loss_teacher'] > 0 and values['depth/AbsRel'] > 0
    assert ('loss_distil' in values) == (base == 'mal_gate_kitti')


@pytest.mark.slow
@pytest.mark.parametrize('base', ['mal_gate_cityscapes', 'manydepth_distil_cityscapes'])
def test_cityscapes_configs_train(run_tool, tmp_path, base):
    with_masks = base == 'mal_gate_cityscapes'
    data = write_cityscapes(tmp_path / 'data', size=(512, 256), instances=with_masks)
    if with_masks:
        (data / 'instances').rename(data / 'masks')
        (data / 'instances').mkdir()
        (data / 'masks').rename(data / 'instances/leftImg8bit_sequence')
    config = tmp_path / 'small.py'
    pipeline = 'instance_pipeline' if with_masks else 'train_pipeline'
    config.write_text(SMALL.format(root=ROOT, base=base, data=data, pipeline=pipeline, train='',
                                   test='')
                      + "val_evaluator = dict(crop='cityscapes_top')\n"
                        'test_evaluator = val_evaluator\n')
    values, _ = train(run_tool, config, tmp_path / 'run')
    assert values['loss_distil'] >= 0 and values['depth/AbsRel'] > 0


@pytest.mark.slow
def test_pose_error_of_a_trained_pose_network(run_tool, tiny_clips, tmp_path):
    config = write_clip_config(
        tmp_path, tiny_clips, 'manydepth_pose_synthetic',
        "train_cfg = dict(max_epochs=1)\nval_evaluator = _base_.val_evaluator\n"
        'val_evaluator[-1].snippet = 3\ntest_evaluator = val_evaluator\n')
    values, _ = train(run_tool, config, tmp_path / 'run')
    assert values['pose/snippets'] == 1 and values['pose/ATE_mean'] >= 0


def test_encoder_initialises_a_detector(run_tool, tiny_clips, tmp_path):
    """A DLA-34 that is trained on clips becomes the backbone of a detector."""
    from mmdet3d.registry import MODELS
    student = MODELS.build(dict(type='DLANet', depth=34, norm_cfg=dict(type='BN')))
    torch.save({f'backbone.{key}': value for key, value in student.state_dict().items()},
               tmp_path / 'clips.pth')
    backbone = MODELS.build(dict(
        type='DLANet', depth=34, norm_cfg=dict(type='BN'), out_indices=(2, 3, 4, 5),
        init_cfg=dict(type='EncoderInit', checkpoint=str(tmp_path / 'clips.pth'),
                      prefix='backbone.')))
    backbone.init_weights()
    assert all(torch.equal(value, student.state_dict()[key])
               for key, value in backbone.state_dict().items())
