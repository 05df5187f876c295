"""Depth heads: depth, uncertainty, loss and reduction against closed forms."""
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from torchvision.ops import roi_align

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.object_heads import ObjectPointExtractor, ObjectROIExtractor
from mmdet3d_plugin.models.object_heads.depth_heads import SelectableDepths
from mmdet3d_plugin.models.object_heads.object_queries import ObjectQueries
from mmdet3d_plugin.models.task_modules import AllSamples, LearnableSampleSelector
from mmdet3d_plugin.models.task_modules.input_geometry import InputGeometry

LAPLACIAN = dict(type='LaplacianAleatoricLoss')


def laplacian(error, s):
    return 1.4142 * np.exp(-s / 2) * np.abs(error) + s / 2


def build(kind, roi_size=None, **options):
    extractor = (ObjectPointExtractor() if roi_size is None
                 else ObjectROIExtractor(num_classes=3, roi_size=roi_size))
    return MODELS.build(dict(type=kind, in_channels=4, hidden_channels=8, extractor=extractor,
                             loss=LAPLACIAN, **options))


def queries_of(boxes, zooms=1., focal=700.):
    """Return objects with boxes in feature pixels, in inputs enlarged by ``zooms``."""
    boxes = torch.tensor(boxes)
    count = len(boxes)
    camera = torch.diag(torch.tensor([focal, focal, 1., 1.])).expand(count, 4, 4)
    zooms = torch.as_tensor(zooms).expand(count)
    inverse = torch.eye(3).repeat(count, 1, 1)
    inverse[:, 0, 0] = inverse[:, 1, 1] = 1 / zooms
    mean_sizes = torch.tensor([[1.6, 0., 0.]]).expand(count, 3)
    return ObjectQueries(torch.zeros(count, dtype=torch.long), torch.zeros(count).long(),
                         torch.zeros(count, 2).long(), boxes, mean_sizes, zooms,
                         InputGeometry(camera, inverse), stride=4)


def set_outputs(monkeypatch, head, **branches):
    """Replace the branches of a head by functions with constant outputs."""
    for name, values in branches.items():
        monkeypatch.setattr(getattr(head, name), 'forward', lambda _, values=values: values)


def test_direct_depth_head(monkeypatch):
    """The depth is an inverse sigmoid, the second output the logarithm of the scale."""
    head = build('DirectDepthHead')
    x, log_scale = torch.tensor([-3., 0., -4.]), torch.tensor([.5, -1., 0.])
    set_outputs(monkeypatch, head, depth=torch.stack([x, log_scale], dim=1))
    estimates = head(None, None, None)
    expected = 1 / (1 / (1 + np.exp(-x.numpy())) + 1e-6) - 1
    np.testing.assert_allclose(estimates.depths[:, 0], expected, rtol=1e-5)
    depths, confidences = head.reduce(estimates)
    np.testing.assert_allclose(depths, expected, rtol=1e-5)
    np.testing.assert_allclose(confidences, np.exp(-log_scale.numpy()), rtol=1e-6)
    # MonoDLE's form of the loss, with s the log scale: sqrt2 exp(-s) |error| + s.
    truth = np.array([20., 2., 50.])
    targets = SimpleNamespace(code=SimpleNamespace(depths=torch.tensor(truth).float()))
    s = log_scale.numpy()
    per_object = 1.4142 * np.exp(-s) * np.abs(expected - truth) + s
    weight = torch.tensor([[1.], [0.], [2.]])
    assert head.loss(estimates, targets, weight).item() == pytest.approx(
        (per_object * [1, 0, 2]).mean(), rel=1e-5)


@pytest.mark.parametrize('zoom', [1., 1.5])
def test_geometric_depth_head(monkeypatch, zoom):
    """f h3 / h2 with h2 in original pixels, for any zoom of the input."""
    head = build('GeometricDepthHead')
    raw = torch.tensor([[-2., .3], [0., -1.]])
    set_outputs(monkeypatch, head, correction=raw)
    # Heights of 25 and 50 original pixels.
    boxes = [[0., 0., 9., 25 / 4 * zoom], [3., 1., 5., 1 + 50 / 4 * zoom]]
    # Heights of 1.5 and 1.7 m, minus the mean of 1.6 m, and their log-variances.
    sizes = torch.tensor([[-.1, 9., 9., .2], [.1, 9., 9., -3.]])
    estimates = head(None, queries_of(boxes, [zoom, zoom]), sizes)
    per_metre = 700 / np.array([25., 50.])
    expected = per_metre * [1.5, 1.7] + np.exp([2., 0.])
    np.testing.assert_allclose(estimates.depths[:, 0], expected, rtol=1e-4)
    s = np.log(np.exp([.3, -1.]) + np.exp([.2, -3.]) * per_metre ** 2)
    np.testing.assert_allclose(estimates.log_variances[:, 0], s, rtol=1e-5)
    depths, confidences = head.reduce(estimates)
    np.testing.assert_allclose(depths, expected, rtol=1e-4)
    np.testing.assert_allclose(confidences, np.exp(-np.exp(s / 2)), rtol=1e-4)


def test_box_without_height_has_a_finite_geometric_depth(monkeypatch):
    """Its height counts as one pixel."""
    head = build('GeometricDepthHead')
    set_outputs(monkeypatch, head, correction=torch.zeros(1, 2))
    estimates = head(None, queries_of([[0., 3., 4., 1.]]), torch.tensor([[-.1, 0., 0., 0.]]))
    assert estimates.depths.item() == pytest.approx(1.5 * 700 + 1, rel=1e-5)
    assert torch.isfinite(estimates.log_variances).all()


def test_visual_attribute_depth_head(monkeypatch):
    """Depths and variances of both parts add up, and all three losses are means."""
    head = build('VisualAttributeDepthHead', roi_size=2, max_attribute=3.)
    generator = torch.Generator().manual_seed(0)
    visual, visual_s, attribute, attribute_s = torch.randn(4, 2, 1, 2, 2, generator=generator)
    set_outputs(monkeypatch, head, visual=visual - 3, visual_uncertainty=visual_s,
                attribute=attribute, attribute_uncertainty=attribute_s)
    boxes = [[2., 2., 6., 8.], [10., 3., 15., 9.]]
    estimates = head(None, queries_of(boxes, [1., 2.]), None)
    z_visual = np.exp(3 - visual.flatten(1).numpy()) * [[1.], [2.]]
    z = z_visual + attribute.flatten(1).numpy()
    np.testing.assert_allclose(estimates.depths, z, rtol=1e-5)
    s = np.log(np.exp(visual_s.flatten(1)) + np.exp(attribute_s.flatten(1))).numpy()
    np.testing.assert_allclose(estimates.log_variances, s, rtol=1e-5, atol=1e-6)

    # The surface of the first object is known at 3 of 4 locations. The surface of the second
    # object is known at none: half of it has no depth, and half shows a wall behind it.
    depth_map = torch.zeros(1, 1, 12, 20)
    depth_map[..., 1:9, 1:4] = 18.5
    depth_map[..., 1:9, 4:7] = 21.
    depth_map[..., 6:9, 5:7] = 0.
    depth_map[..., 10:15] = 60.
    depth_map[..., :6, 10:15] = 0.
    code = SimpleNamespace(depths=torch.tensor([20., 30.]), boxes=torch.tensor(boxes))
    targets = SimpleNamespace(code=code, depth_maps=depth_map,
                              image_index=torch.zeros(2, dtype=torch.long))
    rois = torch.cat([torch.zeros(2, 1), torch.tensor(boxes)], dim=1)
    surface = roi_align(depth_map, rois, 2, aligned=False).flatten(1).numpy()
    truth = np.array([[20.], [30.]])
    valid = (surface > 0) & (np.abs(surface - truth) < 3)
    assert valid.tolist() == [[True, True, True, False], [False] * 4]
    visual_s, attribute_s = visual_s.flatten(1).numpy(), attribute_s.flatten(1).numpy()
    expected = (laplacian(z - truth, s).mean()
                + laplacian(z_visual - surface, visual_s)[valid].mean()
                + laplacian(attribute.flatten(1).numpy() - (truth - surface),
                            attribute_s)[valid].mean())
    assert head.loss(estimates, targets, torch.ones(2, 1)).item() == pytest.approx(
        expected, rel=1e-5)

    targets.depth_maps = torch.zeros_like(depth_map)  # no known depth
    assert head.loss(estimates, targets, torch.ones(2, 1)).item() == pytest.approx(
        laplacian(z - truth, s).mean(), rel=1e-5)
    targets.depth_maps = None
    with pytest.raises(InputError, match="add LoadDepthMap .* and 'depth' to data_prefix"):
        head.loss(estimates, targets, torch.ones(2, 1))


def test_surface_depth_blended_with_unknown_cells_is_not_used():
    """Dense depth is 20 m in all cells but one, which is unknown.

    The box covers 8 x 8 cells with 2 x 2 locations. The unknown cell is one of the 16 cells
    that ROI-Align averages at the first location, so the blend there is about 18.75 m: nearer
    than ``max_attribute`` to the object's 20 m, but no depth of any pixel.
    """
    head = build('VisualAttributeDepthHead', roi_size=2, max_attribute=3.)
    depth_map = torch.full((1, 1, 12, 12), 20.)
    depth_map[0, 0, 3, 3] = 0.
    code = SimpleNamespace(depths=torch.tensor([20.]), boxes=torch.tensor([[1., 1., 9., 9.]]))
    surface, valid = head.surface_depths(SimpleNamespace(
        code=code, depth_maps=depth_map, image_index=torch.zeros(1, dtype=torch.long)))
    assert 18 < surface[0, 0].item() < 19.5  # the difference to 20 m is below max_attribute
    torch.testing.assert_close(surface[0, 1:], torch.full((3, ), 20.))
    assert valid.tolist() == [[False, True, True, True]]
    # With no minimum share, as in DID-M3D's released code, the blend counts.
    head.min_known_share = 0.
    for depths, expected in ((depth_map, True), (torch.zeros_like(depth_map), False)):
        _, valid = head.surface_depths(SimpleNamespace(
            code=code, depth_maps=depths, image_index=torch.zeros(1, dtype=torch.long)))
        assert valid.tolist() == [[expected] * 4]


def test_selected_depths_scale_with_the_zoom(monkeypatch):
    head = build('SelectedDepthHead', roi_size=1, sample_selector=dict(type='AllSamples'))
    set_outputs(monkeypatch, head, depth=torch.tensor([[[[-1.]]], [[[1.]]]]))
    estimates = head(torch.zeros(2, 9, 1, 1), queries_of([[0.] * 4] * 2, [2., .5]), None)
    assert estimates.depths[:, 0].tolist() == pytest.approx([2 * math.e, .5 / math.e])


@pytest.mark.parametrize('kind, options', [
    ('DirectDepthHead', {}), ('SelectedDepthHead', dict(sample_selector=dict(type='AllSamples')))])
def test_depth_starts_from_the_prior(kind, options):
    head = build(kind, roi_size=3, prior_depth=30., **options)
    with torch.no_grad():
        for layer in head.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.zero_()
    objects = torch.randn(2, 9, 3, 3)
    depths = head(objects, queries_of([[0., 0., 3., 3.]] * 2), None).depths
    torch.testing.assert_close(depths, torch.full_like(depths, 30.), rtol=1e-3, atol=0)


def reduce(reduction, log_variances, depths, logits, selector=None, selecting=True):
    head = build('SelectedDepthHead', roi_size=1, sample_selector=dict(type='AllSamples'),
                 reduction=reduction)
    head.selecting, head.sample_selector = selecting, selector or AllSamples()
    return head.reduce(SelectableDepths(*map(torch.tensor, (depths, log_variances, logits))))


def test_reductions_to_one_depth_and_confidence():
    logits = [[0., 3., 1.], [5., 0., 0.]]
    log_variances = [[0., 0., 0.], [2 * np.log(2.), 0., -4.]]
    depths = [[10., 20., 36.], [7., 8., 9.]]
    p = np.exp([-2., -1., -np.exp(-2.)])
    expected = [np.exp(-1.), (p ** 2).sum() / p.sum()]
    depth, confidence = reduce('largest_logit', log_variances, depths, logits)
    assert depth.tolist() == [20., 7.]
    np.testing.assert_allclose(confidence, expected, rtol=1e-6)
    depth, confidence = reduce('weighted_mean', log_variances, depths, logits)
    np.testing.assert_allclose(depth, [22., (p * [7, 8, 9]).sum() / p.sum()], rtol=1e-6)
    np.testing.assert_allclose(confidence, expected, rtol=1e-6)


@pytest.mark.parametrize('selector, selecting, expected', [
    (AllSamples(), True, 5.), (LearnableSampleSelector(), True, 2.),
    (LearnableSampleSelector(), False, 5.)])
def test_default_reduction_is_that_of_the_selector_after_warm_up(selector, selecting, expected):
    depth, _ = reduce(None, [[0., 0.]], [[2., 8.]], [[1., 0.]], selector, selecting)
    assert depth.item() == pytest.approx(expected)


@pytest.mark.parametrize('reduction', ['largest_logit', 'weighted_mean'])
def test_object_with_huge_variance_has_a_finite_depth_and_zero_confidence(reduction):
    depth, confidence = reduce(reduction, [[50.] * 49], [[3.] * 49], [[0.] * 49])
    assert confidence.item() == 0 and depth.item() == pytest.approx(3.)


def test_mismatched_parts_are_refused():
    cfg = Config.fromfile('configs/monolss/monolss_dla34_synthetic-demo.py').model.object_head
    cfg.depth_head.sample_selector = dict(type='TopKSamples', k=30)
    cfg.extractor.roi_size = 5
    with pytest.raises(InputError, match='num_locations is 49, but an ROI .* has 25'):
        MODELS.build(cfg)
    cfg.depth_head = dict(type='SelectedDepthHead', loss=LAPLACIAN, reduction='median',
                          sample_selector=dict(type='AllSamples'))
    with pytest.raises(InputError, match="reduction is 'median', expected 'weighted_mean'"):
        MODELS.build(cfg)
    cfg.depth_head = dict(type='GeometricDepthHead', loss=LAPLACIAN)
    with pytest.raises(InputError, match='GeometricDepthHead and loss_size_3d WeightedL1Loss do '
                                         'not fit'):
        MODELS.build(cfg)
    cfg.depth_head = dict(type='DirectDepthHead', loss=LAPLACIAN)
    uncertain = dict(cfg, loss_size_3d=dict(type='UncertainHeightSizeLoss'))
    with pytest.raises(InputError, match='head needs 3 sizes per object and the loss needs 4'):
        MODELS.build(uncertain)
    cfg.depth_head = dict(type='VisualAttributeDepthHead', loss=LAPLACIAN, max_attribute=3.)
    cfg.extractor = dict(type='ObjectPointExtractor')
    with pytest.raises(InputError, match='VisualAttributeDepthHead needs ROIs'):
        MODELS.build(cfg)
