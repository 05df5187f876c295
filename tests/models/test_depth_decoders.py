"""Shapes, geometry and attention of the decoders of depth."""
import math
from functools import partial
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from mmengine.config import Config

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.depth_decoders.bts_decoder import PlaneHead, local_planar_guidance
from mmdet3d_plugin.models.depth_decoders.newcrfs_decoder import (NeuralWindowCRFs,
                                                                  PairwisePotential,
                                                                  PyramidPooling, WindowCRF)

SHARED = dict(depth_range=(1., 80.), loss_depth=dict(type='ScaleInvariantLogLoss'))
SMALL = dict(
    lt=dict(type='LTDecoder', in_channels=(4, 6, 8, 10, 12), channels=(16, 12, 8, 8)),
    bts=dict(type='BTSDecoder', in_channels=(4, 6, 8, 10, 12), channels=128),
    newcrfs=dict(type='NeWCRFsDecoder', in_channels=(6, 8, 10, 12), channels=(16, 32, 64, 128),
                 pooled_channels=64, head_channels=8, num_groups=4))
STRIDE = dict(lt=2, bts=1, newcrfs=4)  # of the map that the prediction layer reads
CHANNELS = dict(lt=8, bts=8, newcrfs=16)
HEIGHT, WIDTH = SIZE = (64, 96)


def build(name, **kwargs):
    torch.manual_seed(0)
    decoder = MODELS.build({**SMALL[name], **SHARED, **kwargs})
    decoder.init_weights()
    return decoder


def maps_of(name, batch=2, seed=0):
    """Random maps of a backbone, strides up to 32."""
    generator = torch.Generator().manual_seed(seed)
    channels = SMALL[name]['in_channels']
    strides = [32 // 2 ** level for level in reversed(range(len(channels)))]
    return [torch.randn(batch, width, HEIGHT // stride, WIDTH // stride, generator=generator)
            for width, stride in zip(channels, strides)]


@pytest.mark.parametrize('name', SMALL)
def test_depth_of_every_input_pixel(name):
    output = build(name)(maps_of(name), SIZE)
    assert output.depth.shape == (2, *SIZE) and output.depth.dtype == torch.float
    assert 0 < output.depth.min() and output.depth.max() < 80
    assert output.feature.shape == (2, CHANNELS[name], HEIGHT // STRIDE[name],
                                    WIDTH // STRIDE[name])


@pytest.mark.parametrize('name', SMALL)
def test_gradients_reach_everything(name):
    decoder, maps = build(name), [item.requires_grad_() for item in maps_of(name)]
    output = decoder(maps, SIZE)
    target = torch.linspace(5, 40, 2 * HEIGHT * WIDTH).view(2, *SIZE)
    decoder.loss(output, target)['loss_depth'].backward()
    assert all(item.grad.abs().sum() > 0 for item in maps)
    silent = [key for key, weight in decoder.named_parameters()
              if weight.grad is None or not weight.grad.abs().sum() > 0]
    assert not silent


@pytest.mark.parametrize('name', SMALL)
def test_depth_is_what_the_prediction_layer_makes_of_the_feature(name):
    decoder = build(name)
    output = decoder(maps_of(name), SIZE)
    depth = 80 * torch.sigmoid(decoder.prediction(output.feature))
    torch.testing.assert_close(output.depth, F.interpolate(depth, SIZE, mode='bilinear')[:, 0])
    torch.nn.init.constant_(decoder.prediction.weight, 0.)
    torch.nn.init.constant_(decoder.prediction.bias, -math.log(3))
    depth = decoder(maps_of(name), SIZE).depth
    torch.testing.assert_close(depth, torch.full((2, *SIZE), 20.))


@pytest.mark.parametrize('name', SMALL)
def test_bfloat16_keeps_depth_in_float32(name):
    decoder = build(name).eval()
    maps = maps_of(name)
    exact = decoder(maps, SIZE)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        rounded = decoder(maps, SIZE)
    assert rounded.depth.dtype == torch.float
    expected = 80 * torch.sigmoid(decoder.prediction(rounded.feature.float()))
    torch.testing.assert_close(rounded.depth,
                               F.interpolate(expected, SIZE, mode='bilinear')[:, 0])
    assert not torch.equal(rounded.depth, exact.depth)
    torch.testing.assert_close(rounded.depth, exact.depth, rtol=.1, atol=0)


def test_depth_follows_the_focal_length():
    maps = maps_of('lt')
    plain = build('lt')(maps, SIZE).depth
    focals = torch.tensor([700., 350.])
    scaled = build('lt', reference_focal=700.)(maps, SIZE, focals).depth
    torch.testing.assert_close(scaled, plain * torch.tensor([1., .5])[:, None, None])
    with pytest.raises(InputError, match='LTDecoder: reference_focal needs'):
        build('lt', reference_focal=700.)(maps, SIZE)


def test_the_loss_is_of_known_depth_alone():
    decoder = build('lt')
    output = decoder(maps_of('lt'), SIZE)
    target = output.depth.detach().clone()
    target[:, 10:] = 0
    target[0, 0] *= 2
    # Of the known pixels 96 of 1,920 are off by log 2.
    share, error = 96 / (2 * 10 * 96), math.log(2)
    expected = 10 * math.sqrt(share * error ** 2 - .85 * (share * error) ** 2)
    assert decoder.loss(output, target)['loss_depth'].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize('depth_range', [(0., 80.), (80., 1.), (-1., 10.)])
def test_depth_ranges_are_positive_and_rising(depth_range):
    with pytest.raises(InputError, match='LTDecoder: depth_range'):
        build('lt', depth_range=depth_range)


def test_lt_has_no_more_steps_than_skips():
    with pytest.raises(InputError, match='LTDecoder: 5 steps'):
        build('lt', channels=(8, ) * 5)
    assert build('lt', channels=(8, 8))(maps_of('lt'), SIZE).feature.shape[-2:] == (8, 12)


# Planes.

@pytest.mark.parametrize('factor', [2, 4, 8])
def test_guidance_gives_a_plane_its_exact_depth(factor):
    """Rays through pixel centres meet the plane n . X = d where an intersection says."""
    normals = F.normalize(torch.tensor([[.3, -.2, .9], [-.4, .1, .8]], dtype=torch.double))
    distances = torch.tensor([12., 30.], dtype=torch.double)
    planes = torch.cat([normals, distances[:, None]], dim=1)[:, :, None, None].expand(2, 4, 3, 5)
    depth = local_planar_guidance(planes, factor)
    assert depth.shape == (2, 1, 3 * factor, 5 * factor)
    for index in range(2):
        for row in range(3 * factor):
            for column in range(5 * factor):
                # Cell centres lie at ray (0, 0), cells are 1 wide.
                ray = torch.tensor([(column % factor + .5) / factor - .5,
                                    (row % factor + .5) / factor - .5, 1.], dtype=torch.double)
                point = ray * depth[index, 0, row, column]
                assert point @ normals[index] == pytest.approx(distances[index].item(), rel=1e-12)
                assert point[2] == depth[index, 0, row, column]


def test_guidance_of_planes_that_face_the_camera_is_their_distance():
    planes = torch.tensor([0., 0., 1., 7.])[None, :, None, None].expand(1, 4, 2, 2)
    assert (local_planar_guidance(planes, 4) == 7).all()


def test_planes_seen_edge_on_are_far_but_finite():
    planes = torch.tensor([1., 0., 0., 5.])[None, :, None, None].requires_grad_()
    depth = local_planar_guidance(planes, 8)
    depth.sum().backward()
    assert (depth > 0).all() and torch.isfinite(depth).all() and torch.isfinite(planes.grad).all()


def test_plane_head_spans_the_published_angles():
    """Tilt up to 60 degrees, any azimuth, any distance: by the logits of the last layer."""
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


# Windows.

def dense_potential(potential, feature, prediction):
    """Attention over one window in plain loops over heads and pairs."""
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


def test_attention_in_a_window_is_dense_attention():
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
    """Each window of a map of 2 x 2 windows is as if it were alone."""
    crf = random_crf(shift=0)
    feature, prediction = torch.randn(2, 1, 6, 6, 8, dtype=torch.double)
    with torch.no_grad():
        found = crf(feature.view(1, 36, 8), prediction.view(1, 36, 8), (6, 6)).view(6, 6, 8)
        for rows in (slice(0, 3), slice(3, 6)):
            for columns in (slice(0, 3), slice(3, 6)):
                expected = dense_potential(crf.w_msa, feature[0, rows, columns].reshape(9, 8),
                                           prediction[0, rows, columns].reshape(9, 8))
                torch.testing.assert_close(found[rows, columns].reshape(9, 8), expected)


def test_shifted_windows_join_neighbours_and_not_opposite_sides():
    """With a shift of 1, rows and columns 1 to 3 of a 6 x 6 map share a window; its last
    window, of the rows 4, 5 and 0, holds rows that do not see each other."""
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
    moved = (run(changed) - run(prediction)).abs().sum(-1) > 1e-9
    assert moved.nonzero().tolist() == [[0, 0]]  # a window's corner, cut off on all sides


def test_predictions_are_values_and_never_keys():
    """What comes out is linear in the prediction, whatever the feature."""
    crf = random_crf(shift=1)
    feature, one, other = torch.randn(3, 1, 36, 8, dtype=torch.double)

    def run(value):
        with torch.no_grad():
            return crf(feature, value, (6, 6))

    constant = run(torch.zeros_like(one))
    torch.testing.assert_close(run(2 * one - other) - constant,
                               2 * (run(one) - constant) - (run(other) - constant))


def test_levels_take_maps_of_any_size():
    level = NeuralWindowCRFs(6, 4, 16, num_heads=2, window_size=7)
    assert level(torch.randn(2, 6, 5, 9), torch.randn(2, 4, 5, 9)).shape == (2, 16, 5, 9)


def test_pooling_of_one_image_trains():
    """Batch norm has no spread of one value; the grid of one cell has group norm."""
    pooling = PyramidPooling(8, 16, grids=(1, 2, 3, 6), num_groups=4)
    assert pooling(torch.randn(1, 8, 4, 6)).shape == (1, 16, 4, 6)


# Sizes.

def count(name):
    """Parameters of a model of configs/, in millions."""
    cfg = Config.fromfile(f'configs/_base_/models/{name}.py').model
    # mmdet's Swin asks for numbers, which the meta device does not have.
    with torch.device('meta'), mock.patch('torch.linspace', partial(torch.linspace, device='cpu')):
        model = MODELS.build(cfg)
    return sum(weight.numel() for weight in model.parameters()) / 1e6


def test_parameters_are_as_many_as_published():
    # Released BTS: 49.5 M, of which ResNet-50's unused classifier has 2.05 M.
    assert count('bts_resnet50') + 2.049 == pytest.approx(49.5, abs=.05)
    assert count('newcrfs_swinl') == pytest.approx(270, abs=1)
    assert count('lt_mobilenetv3') == pytest.approx(6.7, abs=.1)
