"""Auxiliary supervision: targets, descriptors, several ranks, and use in a detector."""
import copy

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from tiny_kitti import packed_frames
from tiny_training import run_two_ranks

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.auxiliaries import (
    AuxiliaryLabels,
    AuxiliaryObjects,
    MetricAuxiliary,
    MultiRangeAuxiliary,
    add_losses,
)
from mmdet3d_plugin.models.auxiliaries.metric_auxiliary import (
    mean_descriptors,
    pooled_descriptors,
    sample_descriptors,
)
from mmdet3d_plugin.models.auxiliaries.object_depth_head import (
    interpolate_object_depths,
    rasterize_object_depths,
)

QI = dict(type='QuasiIsometricLoss', K=2., B=1., epsilon=10.)
RELEASED_CONFIG = 'configs/ddml/monodle_both_kitti_released.py'


def make_objects(image_index, boxes, depths, zooms=None):
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    depths = torch.tensor(depths, dtype=torch.float32)
    return AuxiliaryObjects(
        torch.tensor(image_index, dtype=torch.long), torch.zeros(len(boxes), dtype=torch.long),
        (boxes[:, :2] + boxes[:, 2:]) / 2, boxes, depths,
        torch.ones_like(depths) if zooms is None else torch.tensor(zooms),
        torch.zeros(len(boxes), 7), None, 4)


def slow_raster(objects, num_images, size):
    """Rasterise object depths by loops over objects and cells."""
    target = np.full((num_images, *size), np.inf)
    for image, box, depth in zip(objects.image_index, objects.boxes.tolist(), objects.depths):
        for row in range(size[0]):
            for column in range(size[1]):
                if box[0] <= column + .5 < box[2] and box[1] <= row + .5 < box[3]:
                    target[image, row, column] = min(target[image, row, column], depth)
    return target


def test_object_depths_agree_with_a_slow_raster():
    """With overlaps, boxes partly or fully outside the map, empty boxes and empty images."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(-6, 20, (30, 2))
    boxes = np.c_[corners, corners + rng.uniform(-1, 9, (30, 2))]
    objects = make_objects(rng.choice([0, 1, 3], 30), boxes, rng.uniform(3, 60, 30))
    target = rasterize_object_depths(objects, objects.depths, 4, (9, 16))
    np.testing.assert_allclose(target, slow_raster(objects, 4, (9, 16)), rtol=1e-6)
    assert target[2].isinf().all() and target[:2].isfinite().any()


def test_cells_take_the_depth_of_the_nearest_object():
    objects = make_objects([0, 0], [[0, 0, 4, 4], [2, 2, 6, 6]], [20., 10.])
    target = rasterize_object_depths(objects, objects.depths, 1, (6, 6))[0]
    assert target[3, 3] == 10 and target[1, 1] == 20 and target[0, 5].isinf()


def head(**change):
    return MODELS.build({**dict(
        type='ObjectDepthHead', in_channels=4, hidden_channels=8,
        loss=dict(type='LaplacianAleatoricLoss')), **change})


def test_interpolated_object_depths_of_a_box():
    """A map of 3 x 2 cells with stride 4 reads input columns 0, 5.5 and 11, and rows 0 and 7.

    The box ends between columns 5 and 6, so the middle cell gets half the depth.
    """
    objects = make_objects([0], [[0, 0, 1.5, 1.9]], [20.])
    target = interpolate_object_depths(objects, objects.depths, 1, (2, 3))
    torch.testing.assert_close(target, torch.tensor([[[20., 10., torch.inf],
                                                      [20., 10., torch.inf]]]))
    objects = make_objects([0], [[0, 0, 1.5, 1.5]], [20.])  # ends above row 7
    target = interpolate_object_depths(objects, objects.depths, 1, (2, 3))
    torch.testing.assert_close(target[0, 0], torch.tensor([20., 10., torch.inf]))
    assert target[0, 1].isinf().all()


def test_interpolated_object_depths_agree_with_loops():
    """With overlaps, boxes partly outside the map and an image without objects."""
    rng = np.random.default_rng(1)
    corners = rng.uniform(-3, 12, (12, 2))
    boxes = np.c_[corners, corners + rng.uniform(1, 7, (12, 2))]
    objects = make_objects(rng.choice([0, 2], 12), boxes, rng.uniform(3, 60, 12))
    size = (9, 14)
    target = interpolate_object_depths(objects, objects.depths, 3, size)
    scaled = make_objects(objects.image_index.tolist(), 4 * boxes, objects.depths.tolist())
    drawn = slow_raster(scaled, 3, (36, 56))
    drawn[np.isinf(drawn)] = 0
    expected = np.zeros((3, *size))
    for row in range(size[0]):
        for column in range(size[1]):
            y, x = row * 35 / 8, column * 55 / 13  # corners of both maps are aligned
            top, left = int(y), int(x)
            for next_row, next_column in ((0, 0), (0, 1), (1, 0), (1, 1)):
                weight = (1 - abs(top + next_row - y)) * (1 - abs(left + next_column - x))
                if weight > 1e-9:
                    expected[:, row, column] += weight * drawn[:, top + next_row,
                                                               left + next_column]
    known = expected > 0
    np.testing.assert_array_equal(target.isfinite(), known)
    np.testing.assert_allclose(target[target.isfinite()], expected[known], rtol=1e-4)
    assert known.any() and not known[1].any()


def test_released_depth_head_has_one_hidden_layer():
    shapes = {name: tuple(weight.shape) for name, weight in
              head(hidden_channels=16, num_hidden_layers=1).state_dict().items()}
    assert shapes == {'layers.0.weight': (16, 4, 3, 3), 'layers.0.bias': (16, ),
                      'layers.2.weight': (2, 16, 1, 1), 'layers.2.bias': (2, )}
    # The keys of checkpoints with the default of two hidden layers.
    assert list(head().state_dict()) == [
        f'layers.{index}.{kind}' for index in (0, 2, 4) for kind in ('weight', 'bias')]


def test_loss_of_the_released_depth_head():
    """The two left columns of cells count: the depth, and the mean of depth and zero."""
    module = head(num_hidden_layers=1, target='bilinear')
    objects = make_objects([1], [[0, 0, 1.5, 1.9]], [20.])
    feature = torch.randn(2, 4, 2, 3)
    output = module.layers(feature)[1, :, :, :2]
    error = (1 / output[0].sigmoid() - 1 - torch.tensor([20., 10.])).abs()
    laplacian = 1.4142 * torch.exp(-.5 * output[1]) * error + .5 * output[1]
    loss = module(feature, AuxiliaryLabels(objects))['loss_object_depth']
    torch.testing.assert_close(loss, laplacian.mean(), rtol=1e-4, atol=0)
    empty = module(feature, AuxiliaryLabels(make_objects([], [], [])))['loss_object_depth']
    empty.backward()
    assert empty == 0


@pytest.mark.parametrize('change, message', [
    (dict(target='area'), "target is 'area', expected 'nearest' or 'bilinear'"),
    (dict(num_hidden_layers=0), 'num_hidden_layers is 0')])
def test_unknown_structure_of_the_depth_head_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        head(**change)


@pytest.mark.parametrize('space, expected', [('metric', 20.), ('apparent', 10.)])
def test_object_depth_loss_is_the_mean_over_cells_of_objects(space, expected):
    module = head(depth_space=space)
    objects = make_objects([1], [[1, 1, 4, 3]], [20.], zooms=[2.])
    feature = torch.randn(2, 4, 6, 8)
    output = module.layers(feature)[1, :, 1:3, 1:4]
    error = (1 / output[0].sigmoid() - 1 - expected).abs()
    laplacian = 1.4142 * torch.exp(-.5 * output[1]) * error + .5 * output[1]
    loss = module(feature, AuxiliaryLabels(objects))['loss_object_depth']
    torch.testing.assert_close(loss, laplacian.mean(), rtol=1e-4, atol=0)
    plain = head(loss=dict(type='mmdet.L1Loss'), predict_uncertainty=False, depth_space=space)
    error = (1 / plain.layers(feature)[1, 0, 1:3, 1:4].sigmoid() - 1 - expected).abs()
    loss = plain(feature, AuxiliaryLabels(objects))['loss_object_depth']
    torch.testing.assert_close(loss, error.mean(), rtol=1e-4, atol=0)


def test_losses_without_objects_are_differentiable_zeros():
    labels = AuxiliaryLabels(make_objects([], [], []))
    feature = torch.randn(2, 4, 6, 8, requires_grad=True)
    module = head()
    losses = {**module(feature, labels), **MetricAuxiliary(QI)(feature, labels)}
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
def test_metric_auxiliary_uses_its_depth_space(space):
    torch.manual_seed(1)
    objects = make_objects([0, 0, 1], [[0, 0, 2, 2], [4, 2, 6, 4], [1, 1, 3, 3]],
                           [10., 14., 16.], zooms=[1., 2., 1.])
    feature = 5 * torch.randn(2, 4, 6, 8)
    result = MetricAuxiliary(QI, depth_space=space)(feature, AuxiliaryLabels(objects))
    depths = objects.depths if space == 'metric' else torch.tensor([10., 7., 16.])
    loss, logs = MODELS.build(QI)(
        sample_descriptors(feature, objects.image_index, objects.centers), depths)
    assert result == dict(loss_metric=loss, qi_satisfied=logs['qi_satisfied'])
    contrast = MetricAuxiliary(dict(type='RankNContrastLoss'))(feature, AuxiliaryLabels(objects))
    assert set(contrast) == {'loss_metric'}


def test_unknown_depth_space_is_refused():
    with pytest.raises(InputError, match="depth_space is 'log'"):
        MetricAuxiliary(QI, depth_space='log')


def test_unknown_descriptor_is_refused():
    with pytest.raises(InputError, match="descriptor is 'corner', expected 'center', 'box' or "
                                         "'pooled_cell'"):
        MetricAuxiliary(QI, descriptor='corner')


@pytest.mark.parametrize('pool_size', [0, -1, 4])
def test_pool_size_must_be_odd(pool_size):
    with pytest.raises(InputError, match=f'pool_size is {pool_size}, expected a positive odd'):
        MetricAuxiliary(QI, descriptor='pooled_cell', pool_size=pool_size)


@pytest.mark.parametrize('pool_size', [1, 3, 5])
def test_pooled_descriptors_count_zeros_outside_the_map(pool_size):
    torch.manual_seed(0)
    feature = torch.randn(3, 5, 7, 9)
    index = torch.tensor([2, 0, 0, 1, 1])
    points = torch.tensor([[4.9, 3.], [0., .99], [8.9, 6.9], [3.5, 3.5], [7.2, 0.]])
    expected = torch.zeros(5, 5)
    for number, (image, (x, y)) in enumerate(zip(index, points.tolist())):
        for row in range(int(y) - pool_size // 2, int(y) + pool_size // 2 + 1):
            for column in range(int(x) - pool_size // 2, int(x) + pool_size // 2 + 1):
                if 0 <= row < 7 and 0 <= column < 9:
                    expected[number] += feature[image, :, row, column] / pool_size**2
    torch.testing.assert_close(pooled_descriptors(feature, index, points, pool_size), expected)


def test_metric_auxiliary_with_pooled_descriptors():
    """An object with a centre outside the map is in no pair."""
    torch.manual_seed(1)
    objects = make_objects([0, 0, 1, 1], [[0, 0, 2, 2], [4, 2, 6, 4], [1, 1, 3, 3], [8, 1, 9, 2]],
                           [10., 14., 16., 12.])
    feature = 20 * torch.randn(2, 4, 6, 8)
    result = MetricAuxiliary(QI, descriptor='pooled_cell', pool_size=3)(
        feature, AuxiliaryLabels(objects))
    found = pooled_descriptors(feature, objects.image_index, objects.centers, pool_size=3)
    loss = MODELS.build(QI)(found[:3], objects.depths[:3]).loss
    assert result['loss_metric'] == loss and loss > 0


def test_descriptors_can_be_means_over_boxes():
    """The mean of a map that is linear in the column is its value at the box centre."""
    columns = (torch.arange(20.) + .5).expand(1, 1, 10, 20).clone()
    boxes = torch.tensor([[2., 1., 9., 8.], [10., 3., 17., 5.]])
    found = mean_descriptors(columns, torch.tensor([0, 0]), boxes)
    torch.testing.assert_close(found[:, 0], torch.tensor([5.5, 13.5]))
    objects = make_objects([0, 0], boxes.tolist(), [10., 12.])
    result = MetricAuxiliary(QI, descriptor='box')(columns, AuxiliaryLabels(objects))
    loss = MODELS.build(QI)(found, objects.depths).loss
    assert result['loss_metric'] == loss and loss > 0  # distance 8, the band ends at 5


def test_objects_with_centres_outside_the_map_are_in_no_pair():
    feature = 5 * torch.randn(1, 4, 6, 8)
    inside = [[0, 0, 2, 2], [4, 2, 6, 4]]
    alone = MetricAuxiliary(QI)(feature, AuxiliaryLabels(
        make_objects([0, 0], inside, [10., 14.])))
    more = make_objects([0] * 3, [*inside, [7, 1, 11, 3]], [10., 14., 11.])
    assert MetricAuxiliary(QI)(feature, AuxiliaryLabels(more)) == alone


def test_pairs_can_be_limited_to_a_class():
    objects = make_objects([0] * 3, [[0, 0, 2, 2], [4, 2, 6, 4], [1, 1, 3, 3]], [10., 14., 16.])
    objects.labels = torch.tensor([0, 1, 0])
    feature = 9 * torch.randn(1, 4, 6, 8)
    result = MetricAuxiliary({**QI, 'within_class': True})(feature, AuxiliaryLabels(objects))
    pair = MetricAuxiliary(QI)(feature, AuxiliaryLabels(objects[torch.tensor([0, 2])]))
    assert result == pair


def test_two_auxiliaries_with_the_same_name_are_refused():
    losses = dict(loss_metric=torch.ones(()))
    with pytest.raises(InputError, match='two auxiliaries return loss_metric'):
        add_losses(losses, dict(loss_metric=torch.zeros(())))
    objects = make_objects([0, 0], [[0, 0, 2, 2], [4, 2, 6, 4]], [10., 14.])
    other = MetricAuxiliary(dict(type='RankNContrastLoss'), name='contrast')
    add_losses(losses, other(torch.randn(1, 4, 6, 8), AuxiliaryLabels(objects)))
    assert set(losses) == {'loss_metric', 'loss_contrast'}


def test_recipe_of_the_released_code():
    """Constants of the authors' example: MonoDLE with cars alone on KITTI."""
    cfg = Config.fromfile(RELEASED_CONFIG)
    metric, depth = (item.to_dict() for item in cfg.model.auxiliary)
    assert metric == dict(
        type='MetricAuxiliary', descriptor='pooled_cell', pool_size=5,
        loss=dict(type='QuasiIsometricLoss', K=1.5, B=.5, epsilon=10., form='released', tau=10.,
                  loss_weight=.5))
    assert depth == dict(
        type='ObjectDepthHead', in_channels=64, hidden_channels=256, num_hidden_layers=1,
        target='bilinear', loss=dict(type='LaplacianAleatoricLoss'))
    baseline = Config.fromfile('configs/monodle/monodle_dla34_kitti.py')
    assert cfg.train_dataloader == baseline.train_dataloader
    assert cfg.train_dataloader.dataset.dataset.metainfo.classes == ['Car']
    assert cfg.train_dataloader.batch_size == 16 and cfg.model.backbone.depth == 34
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('Adam', 1.25e-3, 1e-5)
    assert cfg.train_cfg.max_epochs == 140
    assert cfg.param_scheduler == baseline.param_scheduler
    assert {item.type for item in cfg.param_scheduler} == {'CosineWarmupLR', 'MultiStepLR'}


@pytest.mark.slow
def test_a_training_step_of_the_released_recipe(kitti_root):
    """Both losses update the backbone. Objects of randomly cropped images have no losses."""
    cfg = Config.fromfile(RELEASED_CONFIG)
    cfg.model.backbone.init_cfg = None
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    samples = packed_frames(kitti_root, ['Car'])
    optimizer = build_optim_wrapper(model, dict(cfg.optim_wrapper, type='OptimWrapper'))
    weight = model.backbone.base_layer[0].weight

    def losses_of(batch):
        data = model.data_preprocessor(pseudo_collate(copy.deepcopy(batch)), True)
        return model(**data, mode='loss')

    # The descriptors of an untrained network are close, so all pairs but one of nearly equal
    # depth are below the band. The released loss needs a pair above the band too.
    metric = model.auxiliary[0].loss
    metric.K, metric.B = 1., 0.
    for sample, depth in zip(samples, (12., 12.01, 0., 20.)):
        sample['data_samples'].gt_instances_3d.bboxes_3d.tensor[:, 2] = depth
    losses = losses_of(samples)
    for name in ('loss_metric', 'loss_object_depth'):
        gradient, = torch.autograd.grad(losses[name], weight, retain_graph=True)
        assert losses[name] > 0 and gradient.abs().sum() > 0, name
    before = weight.detach().clone()
    optimizer.update_params(model.parse_losses(losses)[0])
    assert torch.isfinite(weight).all() and not torch.equal(weight, before)
    for sample in samples:
        sample['data_samples'].set_metainfo(dict(affine_aug=True))
    losses = losses_of(samples)
    assert losses['loss_metric'] == losses['loss_object_depth'] == 0


def multi_range(depth='dense', **settings):
    strategy = dict(type='UniformStrategy', positive_threshold=.5, negative_threshold=2.,
                    margin=5.)
    loss = dict(type='MultiRangeMetricLoss', strategy=strategy, num_within=3, num_across=1)
    return MultiRangeAuxiliary(loss, depth, **settings)


def test_multi_range_auxiliary_with_dense_depth():
    feature, depths = torch.randn(2, 4, 6, 8), 10 * torch.rand(2, 12, 16)
    module = multi_range()
    torch.manual_seed(0)
    losses = module(feature, AuxiliaryLabels(depth_maps=depths))
    torch.manual_seed(0)
    assert losses == dict(loss_multi_range=module.loss(feature, depths, depths > 0).loss)
    assert losses['loss_multi_range'] > 0
    assert set(multi_range(name='near')(feature, AuxiliaryLabels(depth_maps=depths))) == {
        'loss_near'}


def test_multi_range_auxiliary_with_object_depth():
    """Only the cells of two cars, 8 m apart, count. Dense depth is ignored."""
    objects = make_objects([0, 1], [[0, 0, 4, 3], [2, 2, 8, 6]], [10., 18.])
    depths = torch.zeros(2, 6, 8)
    depths[0, :3, :4], depths[1, 2:, 2:] = 10., 18.
    feature = torch.randn(2, 4, 6, 8)
    module = multi_range('objects')
    torch.manual_seed(0)
    losses = module(feature, AuxiliaryLabels(objects, torch.full((2, 6, 8), 99.)))
    torch.manual_seed(0)
    assert losses == dict(loss_multi_range=module.loss(feature, depths).loss)
    assert losses['loss_multi_range'] > 0


def test_multi_range_loss_without_objects_or_depth_is_a_differentiable_zero():
    feature = torch.randn(2, 4, 6, 8, requires_grad=True)
    empty = AuxiliaryLabels(make_objects([], [], []), torch.zeros(2, 6, 8))
    for depth in ('dense', 'objects'):
        loss = multi_range(depth)(feature, empty)['loss_multi_range']
        loss.backward()
        assert loss == 0 and (feature.grad == 0).all()


def test_unknown_kind_of_depth_is_refused():
    with pytest.raises(InputError, match="depth is 'sparse', expected 'dense' or 'objects'"):
        multi_range('sparse')


@pytest.mark.parametrize('make, message', [
    (lambda: MetricAuxiliary(QI), 'MetricAuxiliary learns from objects'),
    (lambda: head(), 'ObjectDepthHead learns from objects'),
    (lambda: multi_range('objects'), 'MultiRangeAuxiliary learns from objects'),
    (lambda: multi_range(), 'MultiRangeAuxiliary learns from dense depth.*add LoadDepthMap')])
def test_missing_labels_are_reported(make, message):
    with pytest.raises(InputError, match=message):
        make()(torch.zeros(2, 4, 6, 8), AuxiliaryLabels())


@pytest.mark.parametrize('data', ['kitti', 'synthetic'])
@pytest.mark.parametrize('depth', ['objects', 'dense'])
def test_a_detector_trains_with_the_multi_range_loss(kitti_root, data, depth):
    """A training step of the config updates the backbone."""
    cfg = Config.fromfile(f'configs/monolss/monolss_dla34_{data}_multi-range.py')
    assert [item.depth for item in cfg.model.auxiliary] == ['objects']
    cfg.model.auxiliary[0].depth = depth
    cfg.model.backbone.init_cfg = None
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    samples = packed_frames(kitti_root, ['Pedestrian', 'Car', 'Cyclist'])
    if depth == 'dense':
        for sample in samples:
            maps = 5 + 30 * torch.rand(1, 24, 80)
            sample['data_samples'].gt_depth_map = PixelData(data=maps)
    optimizer = build_optim_wrapper(model, dict(cfg.optim_wrapper, type='OptimWrapper'))
    weight = model.backbone.base_layer[0].weight
    batch = model.data_preprocessor(pseudo_collate(samples), True)
    losses = model(**batch, mode='loss')
    gradient, = torch.autograd.grad(losses['loss_multi_range'], weight, retain_graph=True)
    assert losses['loss_multi_range'] > 0 and gradient.abs().sum() > 0
    before = weight.detach().clone()
    optimizer.update_params(model.parse_losses(losses)[0])
    assert torch.isfinite(weight).all() and not torch.equal(weight, before)


def test_missing_dense_depth_is_reported(kitti_root):
    cfg = Config.fromfile('configs/monolss/monolss_dla34_synthetic_multi-range.py')
    cfg.model.auxiliary[0].depth = 'dense'
    model = MODELS.build(cfg.model)
    samples = packed_frames(kitti_root, ['Pedestrian', 'Car', 'Cyclist'])
    batch = model.data_preprocessor(pseudo_collate(samples), True)
    with pytest.raises(InputError, match='learns from dense depth, but the samples have none'):
        model(**batch, mode='loss')


class SmallNetwork(torch.nn.Module):
    """Two convolutions, a batch norm with fixed statistics, and auxiliaries of both forms."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        norm = torch.nn.BatchNorm2d(6).eval()
        norm.running_mean.normal_(), norm.running_var.uniform_(.5, 2.)
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 6, 3, padding=1), norm, torch.nn.ReLU(), torch.nn.Conv2d(6, 4, 1))
        released = {**QI, 'B': 0., 'form': 'released', 'tau': 2.}
        self.auxiliary = torch.nn.ModuleList([
            MetricAuxiliary({**QI, 'B': 0.}), head(),
            MetricAuxiliary(released, descriptor='pooled_cell', pool_size=3, name='released')])

    def forward(self, images, objects):
        feature = 4 * self.layers(images)
        losses = {}
        for auxiliary in self.auxiliary:
            found = auxiliary(feature, AuxiliaryLabels(objects))
            assert found.pop('qi_satisfied', 0.) < 1
            add_losses(losses, found)
        assert losses['loss_released'] > 0
        return sum(losses.values())


def gradients_of(first, last):
    """Return the loss of images ``first`` to ``last`` - 1 of eight, and all gradients."""
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(8, 3, 6, 8, generator=generator)
    image_index = torch.tensor([0, 1, 1, 3, 4, 4, 4, 5, 6, 6, 7])
    corners = 4 * torch.rand(11, 2, generator=generator)
    boxes = torch.cat([corners, corners + 1 + torch.rand(11, 2, generator=generator)], dim=1)
    depths = 5 + 10 * torch.rand(11, generator=generator)
    chosen = (image_index >= first) & (image_index < last)
    objects = make_objects((image_index[chosen] - first).tolist(), boxes[chosen].tolist(),
                           depths[chosen].tolist())
    network = SmallNetwork()
    model = network
    if dist.is_initialized():
        model = torch.nn.parallel.DistributedDataParallel(network)
    loss = model(images[first:last], objects)
    loss.backward()
    return loss.detach(), [weight.grad for weight in network.parameters()]


def run_rank(rank, store, out):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{store}', rank=rank, world_size=2)
    torch.save(gradients_of(4 * rank, 4 * rank + 4), out / f'{rank}.pt')
    dist.destroy_process_group()


def test_two_ranks_of_four_images_give_the_gradients_of_one_of_eight(tmp_path):
    """The ranks have four and seven objects."""
    run_two_ranks(run_rank, tmp_path / 'store', tmp_path)
    loss, gradients = gradients_of(0, 8)
    ranks = [torch.load(tmp_path / f'{rank}.pt', weights_only=True) for rank in (0, 1)]
    torch.testing.assert_close((ranks[0][0] + ranks[1][0]) / 2, loss, rtol=1e-5, atol=1e-6)
    for _, rank_gradients in ranks:
        for gradient, found in zip(gradients, rank_gradients):
            assert gradient.abs().sum() > 0
            torch.testing.assert_close(found, gradient, rtol=1e-5, atol=1e-6)
