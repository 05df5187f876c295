"""Backbones, necks, layers, extractors and the preprocessor of the detectors."""
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from tiny_kitti import P2

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.backbones.dla import rename_dla_key
from mmdet3d_plugin.models.dense_heads.center_head_2d import CenterHead2D
from mmdet3d_plugin.models.layers import AttentiveBatchNorm2d, gather_at_cells
from mmdet3d_plugin.models.necks.dla_up import BilinearUpsample
from mmdet3d_plugin.models.object_heads import ObjectPointExtractor, ObjectROIExtractor
from mmdet3d_plugin.models.object_heads.object_queries import ObjectQueries
from mmdet3d_plugin.models.task_modules.input_geometry import InputGeometry


@pytest.mark.parametrize('factor', [2, 4, 8])
def test_upsampling_is_initialised_to_bilinear_interpolation(factor):
    feature = torch.randn(1, 3, 6, 7)
    up = BilinearUpsample(3, factor)(feature)
    expected = F.interpolate(feature, scale_factor=factor, mode='bilinear', align_corners=False)
    edge = factor  # the transposed convolution pads with zeros at the border
    torch.testing.assert_close(up[..., edge:-edge, edge:-edge],
                               expected[..., edge:-edge, edge:-edge])


def test_neck_returns_one_map_of_the_finest_stride():
    neck = MODELS.build(dict(type='DLAUpConcatNeck', in_channels=(8, 16, 32, 64)))
    maps = [torch.randn(2, 8 * 2 ** level, 32 // 2 ** level, 64 // 2 ** level,
                        requires_grad=True) for level in range(4)]
    (fused, ) = neck(maps)
    assert fused.shape == (2, 8, 32, 64)
    fused.sum().backward()
    assert all(item.grad.abs().sum() > 0 for item in maps)


def test_neck_fuses_the_maps_of_its_1x1_convolutions():
    torch.manual_seed(0)
    neck = MODELS.build(dict(type='DLAUpConcatNeck', in_channels=(3, 5, 7),
                             channels=(4, 8, 16))).eval()
    plain = MODELS.build(dict(type='DLAUpConcatNeck', in_channels=(4, 8, 16))).eval()
    assert set(neck.state_dict()) - set(plain.state_dict()) == {
        key for key in neck.state_dict() if key.startswith('laterals.')}
    plain.load_state_dict(neck.state_dict(), strict=False)
    maps = [torch.randn(2, channels, 16 // 2 ** level, 8 // 2 ** level)
            for level, channels in enumerate((3, 5, 7))]
    mapped = [torch.einsum('oi,bihw->bohw', lateral.conv.weight[:, :, 0, 0], level)
              for lateral, level in zip(neck.laterals, maps)]
    # A new batch norm in evaluation mode only divides by the square root of 1 + eps.
    expected, = plain([level.div((1 + 1e-5) ** .5).relu() for level in mapped])
    torch.testing.assert_close(neck(maps)[0], expected)


def test_neck_entries_equal_the_published_ones():
    """Names and shapes follow from the definition of DLAUp in the released code."""
    neck = MODELS.build(dict(type='DLAUpConcatNeck'))
    shapes = {key: tuple(value.shape) for key, value in neck.state_dict().items()}
    assert shapes['ida_0.proj_1.conv.weight'] == (256, 512, 3, 3)
    assert shapes['ida_1.node_2.conv.weight'] == (128, 256, 3, 3)
    assert shapes['ida_2.up_3.weight'] == (64, 1, 4, 4)
    assert len([key for key in shapes if key.endswith('conv.weight')]) == 2 * (1 + 2 + 3)
    assert len([key for key in shapes if '.up_' in key]) == 1 + 2 + 3


def public_dla_weights(backbone):
    """Random weights for the backbone under the names of the public weights."""
    weights = {}
    for key, value in backbone.state_dict().items():
        key = re.sub(r'(tree[12])\.norm(\d)\.', r'\1.bn\2.', key).replace('root.norm.',
                                                                         'root.bn.')
        weights[key] = torch.randn_like(value) if value.is_floating_point() else value
    weights['fc.weight'] = torch.zeros(1000, 512, 1, 1)
    return weights


def dla(**kwargs):
    return MODELS.build(dict(type='DLANet', depth=34, norm_cfg=dict(type='BN'), **kwargs))


def test_imagenet_weights_initialise_every_entry(tmp_path):
    backbone = dla()
    public = public_dla_weights(backbone)
    assert any('bn1' in key for key in public)
    torch.save(public, tmp_path / 'dla34.pth')
    loaded = dla(init_cfg=dict(type='DLAImageNetInit', checkpoint=str(tmp_path / 'dla34.pth')))
    loaded.init_weights()
    own = loaded.state_dict()
    renamed = {rename_dla_key(key): value for key, value in public.items() if key in public}
    for key, value in own.items():
        torch.testing.assert_close(value, renamed[key], msg=key)


def test_weights_of_another_network_raise(tmp_path):
    torch.save(dict(conv=torch.zeros(1)), tmp_path / 'other.pth')
    init = dict(type='DLAImageNetInit', checkpoint=str(tmp_path / 'other.pth'))
    with pytest.raises(InputError, match='other.pth: not the weights'):
        dla(init_cfg=init).init_weights()


def test_failed_download_names_the_options(tmp_path):
    init = dict(type='DLAImageNetInit', checkpoint=str(tmp_path / 'absent.pth'))
    with pytest.raises(InputError, match='absent.pth: cannot load.*init_cfg=None'):
        dla(init_cfg=init).init_weights()


def test_gather_at_cells():
    dense = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    picked = gather_at_cells(dense, torch.tensor([1, 0]), torch.tensor([[4, 2], [0, 3]]))
    assert picked.tolist() == [dense[1, :, 2, 4].tolist(), dense[0, :, 3, 0].tolist()]


def test_peaks_are_local_maxima_in_descending_order():
    heatmap = torch.zeros(2, 3, 10, 12)
    heatmap[0, 1, 4, 7], heatmap[0, 1, 4, 8], heatmap[0, 2, 9, 0] = .9, .8, .5
    heatmap[1, 0, 0, 11] = .7
    peaks = CenterHead2D.find_peaks(heatmap, max_peaks=2)
    assert peaks.image_index.tolist() == [0, 0, 1, 1]
    assert peaks.labels.tolist()[:3] == [1, 2, 0]
    torch.testing.assert_close(peaks.scores[:3], torch.tensor([.9, .5, .7]))
    assert peaks.cells.tolist()[:3] == [[7, 4], [0, 9], [11, 0]]


def geometry_of(count):
    camera = torch.tensor(np.vstack([P2, [0, 0, 0, 1]]), dtype=torch.float32)
    affine = torch.tensor([[.5, 0., 10.], [0., .5, -4.], [0., 0., 1.]])
    return InputGeometry(camera.expand(count, 4, 4),
                         affine.inverse().expand(count, 3, 3))


def test_ray_maps_hold_the_viewing_rays_of_the_box():
    """x and y at depth 1 for seven columns and rows from corner to corner."""
    extractor = ObjectROIExtractor(num_classes=3, roi_size=7, stride=4)
    box = torch.tensor([[20., 10., 50., 34.]])
    rays = extractor.ray_maps(box, geometry_of(1))[0].numpy()
    u = (np.linspace(20, 50, 7) * 4 - 10) / .5
    v = (np.linspace(10, 34, 7) * 4 + 4) / .5
    w = 1 + P2[2, 3]
    x = (u * w - P2[0, 2] - P2[0, 3]) / P2[0, 0]
    y = (v * w - P2[1, 2] - P2[1, 3]) / P2[1, 1]
    np.testing.assert_allclose(rays[0], np.tile(x, (7, 1)), atol=1e-5)
    np.testing.assert_allclose(rays[1], np.tile(y[:, None], (1, 7)), atol=1e-5)


def test_roi_features_of_a_ramp_and_class_planes():
    """ROI-Align of a linear map gives the value at each bin's centre."""
    extractor = ObjectROIExtractor(num_classes=3, roi_size=7, stride=4)
    columns = torch.arange(80.).expand(1, 1, 40, 80).clone()
    box = torch.tensor([[20., 10., 55., 31.]])
    queries = ObjectQueries(torch.tensor([0]), torch.tensor([2]), cells=None, boxes=box,
                            mean_sizes=None, zooms=None, geometry=geometry_of(1), stride=4)
    features = extractor(columns, queries)
    assert features.shape == (1, 1 + 2 + 3, 7, 7)
    centres = 20 + (torch.arange(7) + .5) * 5
    torch.testing.assert_close(features[0, 0], centres.expand(7, 7))
    assert features[0, 3:].mean(dim=(1, 2)).tolist() == [0., 0., 1.]


@pytest.mark.parametrize('norm_cfg', [None, dict(type='AttnBN', num_affines=3)])
def test_point_branches_equal_dense_branches_at_the_cells(norm_cfg):
    torch.manual_seed(0)
    branch = ObjectPointExtractor(norm_cfg).vector_branch(8, 16, 5)
    feature = torch.randn(2, 8, 10, 12)
    cells = torch.tensor([[0, 0], [11, 9], [4, 7]])
    image_index = torch.tensor([1, 0, 1])
    queries = ObjectQueries(image_index, labels=None, cells=cells, boxes=None, mean_sizes=None,
                            zooms=None, geometry=None, stride=4)
    found = branch(ObjectPointExtractor(norm_cfg)(feature, queries)).flatten(1)
    # Without a norm, the branch runs on patches of a padded map.
    padded = feature if norm_cfg else F.pad(feature, (1, 1, 1, 1))
    dense = torch.nn.Sequential(*branch)(padded)
    expected = torch.stack([dense[image, :, row, column]
                            for image, (column, row) in zip(image_index, cells)])
    torch.testing.assert_close(found, expected)


def test_attentive_normalisation_equals_its_definition():
    """Reference in numpy: normalised channels times an image-dependent mixture of affines."""
    torch.manual_seed(0)
    norm = AttentiveBatchNorm2d(4, num_affines=3)
    torch.nn.init.normal_(norm.attention[1].weight)
    feature = torch.randn(5, 4, 6, 7) * torch.rand(5, 4, 1, 1) + torch.randn(5, 4, 1, 1)
    x = feature.double().numpy()
    mean, variance = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    normalised = (x - mean) / np.sqrt(variance + norm.eps)
    ratio = x.mean((2, 3)) / np.sqrt(x.var((2, 3), ddof=1) + norm.eps)
    logits = ratio @ norm.attention[0].weight.detach().double().numpy()[:, :, 0, 0].T
    logits = ((logits - logits.mean(0)) / np.sqrt(logits.var(0) + 1e-5)
              * norm.attention[1].weight.detach().numpy())
    weights = np.clip((logits + 3) / 6, 0, 1)
    scale = weights @ norm.scales.detach().double().numpy()
    shift = weights @ norm.shifts.detach().double().numpy()
    expected = scale[:, :, None, None] * normalised + shift[:, :, None, None]
    np.testing.assert_allclose(norm(feature).detach().numpy(), expected, atol=1e-4)


def test_preprocessor_normalises_images_and_rejects_stacked_ones():
    preprocessor = MODELS.build(dict(type='UnitRangePreprocessor', mean=[.5, .4, .3],
                                     std=[.2, .1, .5], bgr_to_rgb=True))
    image = torch.tensor([0, 51, 255], dtype=torch.uint8)[:, None, None].expand(3, 4, 4)
    red, green, blue = preprocessor.preprocess_img(image)[:, 0, 0].tolist()
    assert (red, green, blue) == pytest.approx(((1 - .5) / .2, (.2 - .4) / .1, (0 - .3) / .5))
    with pytest.raises(InputError, match='pseudo_collate'):
        preprocessor(dict(inputs=dict(img=image[None]), data_samples=None), True)
