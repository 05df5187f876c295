"""Cost of pieces and similarities, relative to a training step of GoogLeNet on the same device."""
import time

import pytest
import torch
from torchvision.models import googlenet

from mmdet3d_plugin.metric_learning.piecewise_linear import grow_pieces, piecewise_similarity

BATCH, DIMENSIONS = 120, 512


def sheets(size):
    """Return unit vectors near flat three-dimensional sheets of ``size`` points each.

    Noise in all dimensions gives the pieces their full rank.
    """
    generator = torch.Generator().manual_seed(0)
    centers = torch.randn(BATCH // size, 1, DIMENSIONS, generator=generator)
    directions = torch.randn(BATCH // size, 3, DIMENSIONS, generator=generator)
    places = .2 * torch.randn(BATCH // size, size, 3, generator=generator)
    noise = .01 * torch.randn(BATCH // size, size, DIMENSIONS, generator=generator)
    points = (centers + places @ directions + noise).flatten(0, 1)
    return torch.nn.functional.normalize(points, dim=1)


def seconds(function, repeats):
    """Return the least time of several calls, after one call to warm up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times[1:])


@pytest.fixture(scope='module')
def step():
    """Seconds of a training step of GoogLeNet with a batch of 120 images, from 12 images."""
    model = googlenet(weights=None, init_weights=False, aux_logits=False)
    images = torch.rand(12, 3, 227, 227)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def train():
        optimizer.zero_grad()
        model(images).sum().backward()
        optimizer.step()

    return BATCH / len(images) * seconds(train, 3)


@pytest.mark.slow
@pytest.mark.parametrize('size, members', [(1, 3), (12, 11), (40, 39)])
def test_pieces_take_at_most_15_percent_of_a_step(step, size, members):
    points = sheets(size)
    found = grow_pieces(points, dim=3, rule='each').members.sum(dim=1).float().mean()
    assert abs(found - members) < .1 * members
    own = seconds(lambda: piecewise_similarity(grow_pieces(points, dim=3, rule='each')), 3)
    print(f'{found:.1f} members: {1000 * own:.0f} ms, {100 * own / step:.1f} % of a step of '
          f'{step:.1f} s')
    assert own < .15 * step
