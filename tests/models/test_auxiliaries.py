"""Auxiliary supervision: targets, descriptors, across processes, and in a detector."""
import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from mmdet3d.registry import MODELS

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.auxiliaries import AuxiliaryObjects, MetricAuxiliary
from mmdet3d_plugin.models.auxiliaries.metric_auxiliary import sample_descriptors
from mmdet3d_plugin.models.auxiliaries.object_depth_head import rasterize_object_depths

QI = dict(type='QuasiIsometricLoss', K=2., B=1., epsilon=10.)


def make_objects(image_index, boxes, depths, zooms=None):
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    depths = torch.tensor(depths, dtype=torch.float32)
    return AuxiliaryObjects(
        torch.tensor(image_index, dtype=torch.long), (boxes[:, :2] + boxes[:, 2:]) / 2, boxes,
        depths, torch.ones_like(depths) if zooms is None else torch.tensor(zooms))


def slow_raster(objects, num_images, size):
    target = np.full((num_images, *size), np.inf)
    for image, box, depth in zip(objects.image_index, objects.boxes.tolist(), objects.depths):
        for row in range(size[0]):
            for column in range(size[1]):
                if box[0] <= column + .5 < box[2] and box[1] <= row + .5 < box[3]:
                    target[image, row, column] = min(target[image, row, column], depth)
    return target


def test_targets_agree_with_a_slow_raster():
    """Overlaps, boxes that leave the image or lie outside, empty boxes, empty images."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(-6, 20, (30, 2))
    boxes = np.c_[corners, corners + rng.uniform(-1, 9, (30, 2))]
    objects = make_objects(rng.choice([0, 1, 3], 30), boxes, rng.uniform(3, 60, 30))
    target = rasterize_object_depths(objects, objects.depths, 4, (9, 16))
    np.testing.assert_allclose(target, slow_raster(objects, 4, (9, 16)), rtol=1e-6)
    assert target[2].isinf().all() and target[:2].isfinite().any()


def test_the_nearest_object_is_on_top():
    objects = make_objects([0, 0], [[0, 0, 4, 4], [2, 2, 6, 6]], [20., 10.])
    target = rasterize_object_depths(objects, objects.depths, 1, (6, 6))[0]
    assert target[3, 3] == 10 and target[1, 1] == 20 and target[0, 5].isinf()


def head(**change):
    return MODELS.build({**dict(
        type='ObjectDepthHead', in_channels=4, hidden_channels=8,
        loss=dict(type='LaplacianAleatoricLoss')), **change})


@pytest.mark.parametrize('space, expected', [('metric', 20.), ('apparent', 10.)])
def test_object_depth_loss_is_the_mean_over_cells_of_objects(space, expected):
    module = head(depth_space=space)
    objects = make_objects([1], [[1, 1, 4, 3]], [20.], zooms=[2.])
    feature = torch.randn(2, 4, 6, 8)
    output = module.layers(feature)[1, :, 1:3, 1:4]
    error = (1 / output[0].sigmoid() - 1 - expected).abs()
    laplacian = 1.4142 * torch.exp(-.5 * output[1]) * error + .5 * output[1]
    loss = module(feature, objects)['loss_object_depth']
    torch.testing.assert_close(loss, laplacian.mean(), rtol=1e-4, atol=0)
    plain = head(loss=dict(type='mmdet.L1Loss'), predict_uncertainty=False, depth_space=space)
    error = (1 / plain.layers(feature)[1, 0, 1:3, 1:4].sigmoid() - 1 - expected).abs()
    torch.testing.assert_close(plain(feature, objects)['loss_object_depth'], error.mean(),
                               rtol=1e-4, atol=0)


def test_no_objects_give_zeros_that_reach_every_weight():
    objects, feature = make_objects([], [], []), torch.randn(2, 4, 6, 8, requires_grad=True)
    module = head()
    losses = {**module(feature, objects), **MetricAuxiliary(QI)(feature, objects)}
    assert losses['loss_object_depth'] == 0 and losses['loss_metric'] == 0
    (losses['loss_object_depth'] + losses['loss_metric']).backward()
    assert all((weight.grad == 0).all() for weight in module.parameters())
    assert (feature.grad == 0).all()


def test_descriptors_are_bilinear_between_cell_centres():
    torch.manual_seed(0)
    feature = torch.randn(3, 5, 7, 9)
    index = torch.tensor([2, 0, 0, 1])
    points = torch.tensor([[4.3, 2.8], [.1, .2], [8.9, 6.9], [3.5, 3.5]])
    grid = (points / torch.tensor([9., 7.]) * 2 - 1)[:, None, None]
    expected = F.grid_sample(feature[index], grid, padding_mode='border', align_corners=False)
    torch.testing.assert_close(sample_descriptors(feature, index, points), expected[:, :, 0, 0])
    torch.testing.assert_close(sample_descriptors(feature, index, points)[3], feature[1, :, 3, 3])


@pytest.mark.parametrize('space', ['metric', 'apparent'])
def test_metric_auxiliary_sees_the_space_it_is_told(space):
    torch.manual_seed(1)
    objects = make_objects([0, 0, 1], [[0, 0, 2, 2], [4, 2, 6, 4], [1, 1, 3, 3]],
                           [10., 14., 16.], zooms=[1., 2., 1.])
    feature = 5 * torch.randn(2, 4, 6, 8)
    result = MetricAuxiliary(QI, depth_space=space)(feature, objects)
    depths = objects.depths if space == 'metric' else torch.tensor([10., 7., 16.])
    loss, satisfied = MODELS.build(QI)(
        sample_descriptors(feature, objects.image_index, objects.centers), depths)
    assert result == dict(loss_metric=loss, qi_satisfied=satisfied)
    contrast = MetricAuxiliary(dict(type='RankNContrastLoss'))(feature, objects)
    assert set(contrast) == {'loss_metric'}


def test_an_unknown_space_is_named():
    with pytest.raises(InputError, match="depth_space is 'log'"):
        MetricAuxiliary(QI, depth_space='log')


COUNTS = (3, 5)  # objects of two processes


def metric_gradient(rows):
    """Loss of these of eight images with an object each, and a weight's gradient."""
    torch.manual_seed(2)
    images, depths = torch.randn(8, 4, 3, 3), 20 * torch.rand(8)
    layer = torch.nn.Conv2d(4, 6, 1)
    model = layer
    if dist.is_initialized():
        model = torch.nn.parallel.DistributedDataParallel(layer)
    objects = make_objects(range(len(rows)), [[0, 0, 3, 3]] * len(rows), depths[rows].tolist())
    loss = MetricAuxiliary({**QI, 'B': 0.})(model(3 * images[rows]), objects)['loss_metric']
    loss.backward()
    return loss.detach(), layer.weight.grad


def run_process(rank, store, out):
    dist.init_process_group('gloo', init_method=f'file://{store}', rank=rank, world_size=2)
    start = sum(COUNTS[:rank])
    torch.save(metric_gradient(list(range(start, start + COUNTS[rank]))), out / f'{rank}.pt')
    dist.destroy_process_group()


def test_two_processes_form_the_pairs_of_one(tmp_path):
    mp.spawn(run_process, (tmp_path / 'store', tmp_path), nprocs=2)
    loss, gradient = metric_gradient(list(range(8)))
    assert loss > 0
    for rank in (0, 1):
        other_loss, other_gradient = torch.load(tmp_path / f'{rank}.pt', weights_only=True)
        torch.testing.assert_close(other_loss, loss, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(other_gradient, gradient, rtol=1e-5, atol=1e-6)
