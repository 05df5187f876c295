"""The profile of a training step."""
import copy

import pytest
import torch
from mmdet3d.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from torch.profiler import ProfilerActivity, profile, record_function

from mmdet3d_plugin.commands.step_profile import LOSSES, part_methods, part_time, profile_steps


def test_backward_operations_count_for_the_part_of_the_forward_operation():
    weight = torch.randn(400, 400, requires_grad=True)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        with record_function('heavy'):
            heavy = (weight @ weight @ weight).sum()
        with record_function('light'):
            light = weight.sum()
        with record_function('backward'):
            (heavy + light).backward()
    events = profiler.events()
    forward = sum(event.time_range.elapsed_us() for event in events if event.name == 'heavy')
    whole = sum(event.time_range.elapsed_us() for event in events if event.name == 'backward')
    backward = part_time(events, 'heavy', False) - forward
    assert .5 * whole < backward < whole
    assert part_time(events, 'light', False) < .3 * part_time(events, 'heavy', False)


def make_profile(root, input_size, steps):
    cfg = Config.fromfile('configs/monolss/monolss_dla34_synthetic-demo.py')
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(cfg.model))
    model.init_weights()
    dataset = DATASETS.build(dict(
        type='KittiMonoDataset', data_root=str(root), ann_file='ImageSets/train.txt',
        filter_empty_gt=False, metainfo=dict(classes=cfg.class_names),
        pipeline=[*cfg.load_pipeline, dict(type='CropScaleAffine', input_size=input_size),
                  dict(type='PackMono3DInputs')]))
    batch = pseudo_collate([dataset[index] for index in range(4)])
    return profile_steps(model, build_optim_wrapper(model, cfg.optim_wrapper), batch, steps)


def test_times_of_the_parts_add_up_to_the_step(kitti_root):
    result = make_profile(kitti_root, (320, 96), 2)
    assert all(time > 0 for time in result.parts.values())
    assert .8 < sum(result.parts.values()) / result.step < 1.02
    assert result.table().splitlines()[-1].startswith('step')


def test_parts_of_a_detector_of_mmdet3d_with_auxiliaries():
    model = MODELS.build(Config.fromfile('configs/ddml/smoke_both_synthetic.py').model)
    optimizer = object()
    assert part_methods(model, optimizer) == {
        'preprocessing': [(model.data_preprocessor, 'forward')],
        'backbone': [(model.detector.backbone, 'forward')],
        'neck': [(model.detector.neck, 'forward')],
        'bbox head': [(model.detector.bbox_head, 'forward')],
        LOSSES: [(model.detector.bbox_head, 'loss_by_feat')],
        'auxiliaries': [(module, 'forward') for module in model.auxiliary],
        'optimizer': [(optimizer, 'step')]}


@pytest.mark.slow
def test_selector_and_losses_take_a_small_share(kitti_root):
    assert make_profile(kitti_root, (640, 192), 5).share(LOSSES) < 0.05
