"""Shapes, planar guidance, pyramid pooling and window attention of the decode heads."""
import math
from functools import partial
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from mmengine.config import Config

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.decode_heads.bts_decoder import PlaneHead, local_planar_guidance
from mmdet3d_plugin.models.decode_heads.newcrfs_decoder import (
    NeuralWindowCRFs,
    PairwisePotential,
    PyramidPooling,
    WindowCRF,
)

SHARED = dict(depth_range=(1., 80.), loss_depth=dict(type='ScaleInvariantLogLoss'))
SMALL = dict(
    lt=dict(type='LTDecoder', in_channels=(4, 6, 8, 10, 12), channels=(16, 12, 8, 8)),
    bts=dict(type='BTSDecoder', in_channels=(4, 6, 8, 10, 12), channels=128),
    newcrfs=dict(type='NeWCRFsDecoder', in_channels=(6, 8, 10, 12), channels=(16, 32, 64, 128),
                 pooled_channels=64, head_channels=8, num_groups=4))
STRIDE = dict(lt=2, bts=1, newcrfs=4)  # of the input of the prediction layer
CHANNELS = dict(lt=8, bts=8, newcrfs=16)
HEIGHT, WIDTH = SIZE = (64, 96)


def build(name, **kwargs):
    torch.manual_seed(0)
    head = MODELS.build({**SMALL[name], **SHARED, **kwargs})
    head.init_weights()
    return head


def maps_of(name, batch=2, seed=0):
    """Random backbone maps; the coarsest has stride 32."""
    generator = torch.Generator().manual_seed(seed)
    channels = SMALL[name]['in_channels']
    strides = [32 // 2 ** level for level in reversed(range(len(channels)))]
    return [torch.randn(batch, width, HEIGHT // stride, WIDTH // stride, generator=generator)
            for width, stride in zip(channels, strides)]


@pytest.mark.parametrize('name', SMALL)
def test_depth_has_the_size_of_the_input(name):
    output = build(name)(maps_of(name), SIZE)
    assert output.depth.shape == (2, *SIZE) and output.depth.dtype == torch.float
    assert output.depth.min() > 0 and output.depth.max() < 80
    assert output.feature.shape == (2, CHANNELS[name], HEIGHT // STRIDE[name],
                                    WIDTH // STRIDE[name])


@pytest.mark.parametrize('name', SMALL)
def test_every_parameter_and_map_gets_a_gradient(name):
    head, maps = build(name), [item.requires_grad_() for item in maps_of(name)]
    output = head(maps, SIZE)
    target = torch.linspace(5, 40, 2 * HEIGHT * WIDTH).view(2, *SIZE)
    head.loss(output, target)['loss_depth'].backward()
    assert all(item.grad.abs().sum() > 0 for item in maps)
    without_gradient = [key for key, weight in head.named_parameters()
                        if weight.grad is None or not weight.grad.abs().sum() > 0]
    assert not without_gradient


@pytest.mark.parametrize('name', SMALL)
def test_depth_is_the_scaled_sigmoid_of_the_prediction_layer(name):
    head = build(name)
    output = head(maps_of(name), SIZE)
    depth = 80 * torch.sigmoid(head.prediction(output.feature))
    torch.testing.assert_close(output.depth, F.interpolate(depth, SIZE, mode='bilinear')[:, 0])
    torch.nn.init.constant_(head.prediction.weight, 0.)
    torch.nn.init.constant_(head.prediction.bias, -math.log(3))
    depth = head(maps_of(name), SIZE).depth
    torch.testing.assert_close(depth, torch.full((2, *SIZE), 20.))


@pytest.mark.parametrize('name', SMALL)
def test_depth_is_float32_under_bfloat16_autocast(name):
    head = build(name).eval()
    maps = maps_of(name)
    exact = head(maps, SIZE)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        rounded = head(maps, SIZE)
    assert rounded.depth.dtype == torch.float
    expected = 80 * torch.sigmoid(head.prediction(rounded.feature.float()))
    torch.testing.assert_close(rounded.depth,
                               F.interpolate(expected, SIZE, mode='bilinear')[:, 0])
    assert not torch.equal(rounded.depth, exact.depth)
    torch.testing.assert_close(rounded.depth, exact.depth, rtol=.1, atol=0)


def test_depth_is_proportional_to_the_focal_length():
    maps = maps_of('lt')
    plain = build('lt')(maps, SIZE).depth
    focals = torch.tensor([700., 350.])
    scaled = build('lt', reference_focal=700.)(maps, SIZE, focals).depth
    torch.testing.assert_close(scaled, plain * torch.tensor([1., .5])[:, None, None])
    with pytest.raises(InputError, match='LTDecoder: reference_focal needs'):
        build('lt', reference_focal=700.)(maps, SIZE)


def test_loss_ignores_pixels_without_ground_truth():
    head = build('lt')
    output = head(maps_of('lt'), SIZE)
    target = output.depth.detach().clone()
    target[:, 10:] = 0
    target[0, 0] *= 2
    # 96 of the 1,920 pixels with ground truth have an error of log 2.
    share, error = 96 / (2 * 10 * 96), math.log(2)
    expected = 10 * math.sqrt(share * error ** 2 - .85 * (share * error) ** 2)
    assert head.loss(output, target)['loss_depth'].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize('depth_range', [(0., 80.), (80., 1.), (-1., 10.)])
def test_invalid_depth_ranges_raise(depth_range):
    with pytest.raises(InputError, match='LTDecoder: depth_range'):
        build('lt', depth_range=depth_range)


def test_lt_with_more_steps_than_skips_raises():
    with pytest.raises(InputError, match='LTDecoder: channels has 5 steps'):
        build('lt', channels=(8, ) * 5)
    assert build('lt', channels=(8, 8))(maps_of('lt'), SIZE).feature.shape[-2:] == (8, 12)


# Local planar guidance.

@pytest.mark.parametrize('factor', [2, 4, 8])
def test_guidance_equals_ray_plane_intersections(factor):
    """The point at the returned depth on each pixel's ray lies on the plane n . X = d."""
    normals = F.normalize(torch.tensor([[.3, -.2, .9], [-.4, .1, .8]], dtype=torch.double))
    distances = torch.tensor([12., 30.], dtype=torch.double)
    planes = torch.cat([normals, distances[:, None]], dim=1)[:, :, None, None].expand(2, 4, 3, 5)
    depth = local_planar_guidance(planes, factor)
    assert depth.shape == (2, 1, 3 * factor, 5 * factor)
    for index in range(2):
        for row in range(3 * factor):
            for column in range(5 * factor):
                # The ray of a cell's centre is (0, 0, 1); cells are 1 wide.
                ray = torch.tensor([(column % factor + .5) / factor - .5,
                                    (row % factor + .5) / factor - .5, 1.], dtype=torch.double)
                point = ray * depth[index, 0, row, column]
                assert point @ normals[index] == pytest.approx(distances[index].item(), rel=1e-12)
                assert point[2] == depth[index, 0, row, column]


def test_depth_of_planes_facing_the_camera_is_their_distance():
    planes = torch.tensor([0., 0., 1., 7.])[None, :, None, None].expand(1, 4, 2, 2)
    assert (local_planar_guidance(planes, 4) == 7).all()


def test_planes_seen_edge_on_have_finite_depth_and_gradients():
    planes = torch.tensor([1., 0., 0., 5.])[None, :, None, None].requires_grad_()
    depth = local_planar_guidance(planes, 8)
    depth.sum().backward()
    assert (depth > 0).all() and torch.isfinite(depth).all() and torch.isfinite(planes.grad).all()


def test_plane_head_maps_logits_to_published_angles():
    """The logits of the last layer set tilt (up to 60 degrees), azimuth and distance."""
    head = PlaneHead(1, 4, 2, max_depth=10.)  # one convolution
    for logits, normal, distance in [
            ((-99., 0., 99.), (0., 0., 1.), 10.), ((99., -99., 0.), (math.sqrt(.75), 0., .5), 5.),
            ((99., 0., 0.), (-math.sqrt(.75), 0., .5), 5.),
            ((0., math.log(1 / 3), 0.), (0., .5, math.sqrt(.75)), 5.)]:
        with torch.no_grad():
            head.reduction[-1].weight.copy_(torch.tensor(logits)[:, None, None, None])
        planes = torch.tensor([*normal, distance])[None, :, None, None]
        torch.testing.assert_close(head(torch.ones(1, 1, 1, 1)),
                                   local_planar_guidance(planes, 2) / 10, rtol=1e-4, atol=1e-6)


def test_bts_removes_negative_values_of_the_coarsest_map_only():
    """Released code: a ReLU before the first upsampling; skip connections have none."""
    head = build('bts').eval()
    maps = [item.requires_grad_() for item in maps_of('bts')]
    output = head(maps, SIZE)
    output.depth.sum().backward()
    *skips, top = maps
    assert (top < 0).any() and (top.grad[top < 0] == 0).all() and top.grad[top > 0].any()
    assert all(skip.grad[skip < 0].any() for skip in skips)
    torch.testing.assert_close(head([*skips, top.clamp(min=0)], SIZE).depth, output.depth)


# Window attention.

def dense_potential(potential, feature, prediction):
    """Attention over one window in loops over heads and cell pairs."""
    size, channels = potential.window_size[0], feature.shape[-1]
    width = channels // potential.num_heads
    cells = [(row, column) for row in range(size) for column in range(size)]
    query, key = potential.qk(feature).split(channels, dim=-1)
    message = torch.zeros_like(prediction)
    for head in range(potential.num_heads):
        part = slice(head * width, (head + 1) * width)
        logits = torch.stack([torch.stack([
            query[i, part] @ key[j, part] / math.sqrt(width)
            + potential.relative_position_bias_table[
                (a[0] - b[0] + size - 1) * (2 * size - 1) + a[1] - b[1] + size - 1, head]
            for j, b in enumerate(cells)]) for i, a in enumerate(cells)])
        weights = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
        message[:, part] = weights @ prediction[:, part]
    return potential.proj(message)


def random_potential(channels=8, heads=2, size=3):
    torch.manual_seed(1)
    potential = PairwisePotential(channels, heads, size).double()
    torch.nn.init.normal_(potential.relative_position_bias_table)
    return potential


def test_attention_in_one_window_equals_dense_attention():
    potential = random_potential()
    feature, prediction = torch.randn(2, 9, 8, dtype=torch.double)
    with torch.no_grad():
        found = potential(torch.cat([feature, prediction], dim=-1)[None])[0]
        expected = dense_potential(potential, feature, prediction)
    assert torch.equal(found[:, :8], feature)
    torch.testing.assert_close(found[:, 8:], expected)


def random_crf(shift, size=3):
    torch.manual_seed(2)
    crf = WindowCRF(8, 2, size, shift).double()
    torch.nn.init.normal_(crf.w_msa.relative_position_bias_table)
    return crf


def test_windows_are_independent():
    """Each window of a map of 2 x 2 windows gives the result of the window alone."""
    crf = random_crf(shift=0)
    feature, prediction = torch.randn(2, 1, 6, 6, 8, dtype=torch.double)
    with torch.no_grad():
        found = crf(feature.view(1, 36, 8), prediction.view(1, 36, 8), (6, 6)).view(6, 6, 8)
        for rows in (slice(0, 3), slice(3, 6)):
            for columns in (slice(0, 3), slice(3, 6)):
                expected = dense_potential(crf.w_msa, feature[0, rows, columns].reshape(9, 8),
                                           prediction[0, rows, columns].reshape(9, 8))
                torch.testing.assert_close(found[rows, columns].reshape(9, 8), expected)


def test_shifted_windows_do_not_connect_opposite_borders():
    """Shift 1 on a 6 x 6 map: rows and columns 1 to 3 share a window.

    The last window has rows 4, 5 and 0. Row 0 must not attend to rows 4 and 5.
    """
    crf = random_crf(shift=1)
    feature, prediction = torch.randn(2, 1, 6, 6, 8, dtype=torch.double)

    def run(value):
        with torch.no_grad():
            return crf(feature.view(1, 36, 8), value.view(1, 36, 8), (6, 6)).view(6, 6, 8)

    inner = dense_potential(crf.w_msa, feature[0, 1:4, 1:4].reshape(9, 8),
                            prediction[0, 1:4, 1:4].reshape(9, 8))
    torch.testing.assert_close(run(prediction)[1:4, 1:4].reshape(9, 8), inner.detach())
    changed = prediction.clone()
    changed[0, 0, 0] += 1
    affected = (run(changed) - run(prediction)).abs().sum(-1) > 1e-9
    # Cell (0, 0) is the corner of its window and masked from all other cells.
    assert affected.nonzero().tolist() == [[0, 0]]


def test_crf_is_affine_in_the_prediction():
    """Predictions are attention values only, never queries or keys."""
    crf = random_crf(shift=1)
    feature, one, other = torch.randn(3, 1, 36, 8, dtype=torch.double)

    def run(value):
        with torch.no_grad():
            return crf(feature, value, (6, 6))

    constant = run(torch.zeros_like(one))
    torch.testing.assert_close(run(2 * one - other) - constant,
                               2 * (run(one) - constant) - (run(other) - constant))


def test_levels_accept_sizes_that_windows_do_not_divide():
    level = NeuralWindowCRFs(6, 4, 16, num_heads=2, window_size=7)
    assert level(torch.randn(2, 6, 5, 9), torch.randn(2, 4, 5, 9)).shape == (2, 16, 5, 9)


def test_pyramid_pooling_trains_on_one_image():
    """Batch norm would have one value per channel at the 1x1 grid."""
    pooling = PyramidPooling(8, 16, grids=(1, 2, 3, 6), num_groups=4)
    assert pooling(torch.randn(1, 8, 4, 6)).shape == (1, 16, 4, 6)


@pytest.mark.parametrize('index, grid', enumerate((1, 2, 3, 6)))
def test_pyramid_pooling_normalises_every_grid_by_groups(index, grid):
    """Compare with group norm in closed form, in training and in evaluation mode."""
    torch.manual_seed(0)
    pooling = PyramidPooling(8, 16, grids=(1, 2, 3, 6), num_groups=4)
    pool, feature = pooling.pools[index], torch.randn(2, 8, 12, 12)
    side = 12 // grid
    means = feature.view(2, 8, grid, side, grid, side).mean(dim=(3, 5))
    weight = pool[1].conv.weight[..., 0, 0]
    groups = torch.einsum('oi,bihw->bohw', weight, means).reshape(2, 4, -1)
    groups = groups - groups.mean(dim=-1, keepdim=True)
    groups = groups / (groups.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
    expected = groups.view(2, 16, grid, grid).clamp(min=0)
    for training in (True, False):
        torch.testing.assert_close(pool.train(training)(feature), expected, rtol=1e-4, atol=1e-5)


def test_pyramid_pooling_has_batch_norm_after_the_last_convolution_only():
    keys = PyramidPooling(8, 16, grids=(1, 2, 3, 6), num_groups=4).state_dict()
    running = [key for key in keys if 'running' in key]
    assert running == ['join.bn.running_mean', 'join.bn.running_var']


# Model sizes.

def count(name):
    """Parameters of a model config of configs/_base_/models, in millions."""
    cfg = Config.fromfile(f'configs/_base_/models/{name}.py').model
    # mmdet's Swin converts torch.linspace to numbers, which the meta device cannot do.
    with torch.device('meta'), mock.patch('torch.linspace', partial(torch.linspace, device='cpu')):
        model = MODELS.build(cfg)
    return sum(weight.numel() for weight in model.parameters()) / 1e6


def test_parameter_counts_equal_the_published_ones():
    # Released BTS: 49.5 M including the 2.05 M of ResNet-50's unused classifier.
    assert count('bts_resnet50') + 2.049 == pytest.approx(49.5, abs=.05)
    assert count('newcrfs_swinl') == pytest.approx(270, abs=1)
    assert count('lt_mobilenetv3') == pytest.approx(6.7, abs=.1)
