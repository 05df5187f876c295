"""Share of MetricDepth's loss in the time of a training step, at the paper's setting.

    python -m pytest -m slow -s tests/metric_learning/test_multi_range_cost.py
"""
import statistics

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch.profiler import ProfilerActivity, profile, record_function

from mmdet3d_plugin.commands.step_profile import labelled, part_time
from mmdet3d_plugin.models.auxiliaries import AuxiliaryLabels

SIZE = (480, 640)  # height and width of NYU's images


def shares(batch_size, strategy=None, steps=3):
    """Measure the loss's share of time in each of several training steps of LT.

    The depth of every pixel is known.
    """
    cfg = Config.fromfile('configs/metricdepth/lt_multi-range_nyu.py')
    cfg.model.backbone.init_cfg = None
    loss = cfg.model.auxiliary[0].loss
    assert (loss.num_within, loss.num_across) == (10, 4)
    if strategy:
        loss.strategy = strategy
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    optimizer = build_optim_wrapper(model, dict(type='OptimWrapper',
                                                optimizer=dict(type='AdamW', lr=1e-4)))
    images = torch.randn(batch_size, 3, *SIZE)
    depth = torch.nn.functional.interpolate(1 + 5 * torch.rand(batch_size, 1, 12, 16), SIZE,
                                            mode='bilinear')[:, 0]

    def step():
        output = model.decode_head(model.backbone(images), SIZE)
        losses = model.decode_head.loss(output, depth)
        losses.update(model.auxiliary[0](output.feature, AuxiliaryLabels(depth_maps=depth)))
        optimizer.update_params(model.parse_losses(losses)[0])

    found = []
    with labelled({'the loss': [(model.auxiliary[0], 'forward')]}):
        step()
        for _ in range(steps):
            with profile(activities=[ProfilerActivity.CPU]) as profiler:
                with record_function('step'):
                    step()
            events = profiler.events()
            whole = next(event for event in events if event.name == 'step')
            found.append(part_time(events, 'the loss', False) / whole.time_range.elapsed_us())
    return found


@pytest.mark.slow
@pytest.mark.parametrize('batch_size', [4, 8])
@pytest.mark.parametrize('strategy', [None, dict(
    type='AdaptiveStrategy', positive_threshold=.1, quantiles=[.2, .4, .6, .8], mean_margin=5.,
    momentum=.01, max_pairs=10**5)], ids=['multi-range', 'adaptive'])
def test_loss_takes_at_most_15_percent_of_a_step(batch_size, strategy):
    found = shares(batch_size, strategy)
    print(f'batch {batch_size}:', *(f'{100 * share:.1f} %' for share in found))
    assert statistics.median(found) <= .15
