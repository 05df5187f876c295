"""Coders of objects and headings, and the heatmap of the target assigner."""
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_kitti import P2

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.geometry import affine_from_crop
from mmdet3d_plugin.models.task_modules import CenterCoder, CenterTargetAssigner, HeadingBinCoder
from mmdet3d_plugin.models.task_modules.input_geometry import InputGeometry
from mmdet3d_plugin.structures.cameras import flip_camera

MEANS = dict(Pedestrian=(1.763, .661, .844), Car=(1.526, 1.629, 3.883),
             Cyclist=(1.737, .597, 1.763))


@pytest.fixture
def coder():
    return CenterCoder(list(MEANS), MEANS, stride=4)


def project(points, camera):
    uvw = np.c_[points, np.ones(len(points))] @ camera[:3].T
    return uvw[:, :2] / uvw[:, 2:]


def geometry_of(camera, affine, count):
    return InputGeometry(*(torch.tensor(matrix).expand(count, -1, -1)
                           for matrix in (camera, np.linalg.inv(affine))))


def random_objects(camera, affine, count=60):
    """Return objects in double precision with projected centres inside the input."""
    rng = np.random.default_rng(3)
    z = rng.uniform(4, 60, count)
    x, y = rng.uniform(-.3, .3, count) * z, rng.uniform(1., 2., count)
    sizes_lhw = rng.uniform([3, 1.3, 1.4], [5, 2, 2], (count, 3))
    yaws = rng.uniform(-math.pi, math.pi, count)
    centres = np.stack([x, y - sizes_lhw[:, 1] / 2, z], axis=1)
    uv = project(centres, camera) @ affine[:2, :2].T + affine[:2, 2]
    half = rng.uniform(5, 60, (count, 2))
    middle = uv + rng.uniform(-4, 4, (count, 2))
    boxes_2d = np.c_[middle - half, middle + half]
    boxes_3d = np.c_[x, y, z, sizes_lhw, yaws]
    inside = ((uv > 0) & (uv < (1280, 384))).all(axis=1)
    return tuple(torch.tensor(item[inside]) for item in (boxes_2d, uv, boxes_3d))


@pytest.mark.parametrize('camera', [np.vstack([P2, [0, 0, 0, 1]]),
                                    flip_camera(np.vstack([P2, [0, 0, 0, 1]]), 1242)])
@pytest.mark.parametrize('crop', [((621., 187.5), 1242.), ((700., 150.), 900.)])
def test_decode_inverts_encode(coder, camera, crop):
    affine = affine_from_crop(*crop, (1280, 384))
    boxes_2d, centers_2d, boxes_3d = random_objects(camera, affine)
    count = len(boxes_3d)
    assert count > 30
    geometry = geometry_of(camera, affine, count)
    labels = torch.arange(count) % 3
    code = coder.encode(boxes_2d, centers_2d, boxes_3d, labels, geometry)
    assert (code.offsets_3d >= 0).all() and (code.offsets_3d < 1).all()
    decoded = coder.decode(code, labels, geometry)
    torch.testing.assert_close(decoded.boxes_3d, boxes_3d, atol=1e-6, rtol=1e-6)
    original = (boxes_2d.view(-1, 2, 2) - torch.tensor(affine[:2, 2])) / affine[0, 0]
    torch.testing.assert_close(decoded.boxes_2d, original.view(-1, 4), atol=1e-6, rtol=1e-6)


def test_codes_of_a_hand_made_object(coder):
    camera = np.vstack([P2, [0, 0, 0, 1]])
    geometry = geometry_of(camera, np.eye(3), 1)
    code = coder.encode(
        boxes_2d=torch.tensor([[100., 120., 180., 200.]], dtype=torch.double),
        centers_2d=torch.tensor([[143., 150.]], dtype=torch.double),
        boxes_3d=torch.tensor([[-5., 1.5, 11., 4., 1.5, 1.6, .7]], dtype=torch.double),
        labels=torch.tensor([1]), geometry=geometry)
    assert code.cells.tolist() == [[35, 37]]
    assert code.offsets_2d.tolist() == [[0., 3.]]  # (140, 160) / 4 - cell
    assert code.sizes_2d.tolist() == [[20., 20.]]
    assert code.offsets_3d.tolist() == [[.75, .5]]
    assert code.depths.tolist() == [11.]
    torch.testing.assert_close(code.size_residuals, torch.tensor(
        [[1.5 - 1.526, 1.6 - 1.629, 4. - 3.883]], dtype=torch.double), atol=1e-6, rtol=0)
    ray = math.atan2(140 - 609.5593, 721.5377)
    assert code.alphas.item() == pytest.approx(.7 - ray)


@pytest.mark.parametrize('cell_center', ['projected', 'box'])
@pytest.mark.parametrize('heading_center', ['projected', 'box'])
def test_decode_inverts_encode_for_every_choice_of_centres(cell_center, heading_center):
    camera = np.vstack([P2, [0, 0, 0, 1]])
    affine = affine_from_crop((640., 180.), 1000., (1280, 384))
    boxes_2d, centers_2d, boxes_3d = random_objects(camera, affine)
    coder = CenterCoder(['Car'], cell_center=cell_center, heading_center=heading_center)
    geometry = geometry_of(camera, affine, len(boxes_3d))
    labels = torch.zeros(len(boxes_3d), dtype=torch.long)
    code = coder.encode(boxes_2d, centers_2d, boxes_3d, labels, geometry)
    # Without mean sizes, sizes are absolute.
    torch.testing.assert_close(code.size_residuals, boxes_3d[:, [4, 5, 3]])
    offsets = code.offsets_3d if cell_center == 'projected' else code.offsets_2d
    assert (offsets >= 0).all() and (offsets < 1).all()
    decoded = coder.decode(code, labels, geometry)
    torch.testing.assert_close(decoded.boxes_3d, boxes_3d, atol=1e-6, rtol=1e-6)
    if heading_center == 'projected':
        # KITTI's alpha is the angle to the ray through the object's centre. The tolerance covers
        # P2's translation of 6 cm.
        expected = boxes_3d[:, 6] - torch.atan2(boxes_3d[:, 0], boxes_3d[:, 2])
        error = (code.alphas - expected + math.pi) % (2 * math.pi) - math.pi
        assert error.abs().max() < .07 / boxes_3d[:, 2].min()


def test_unknown_centre_is_refused():
    with pytest.raises(InputError, match="cell_center is 'middle', expected 'projected' or 'box'"):
        CenterCoder(['Car'], cell_center='middle')


def test_class_without_mean_size_is_refused():
    with pytest.raises(InputError, match='Tram'):
        CenterCoder(['Car', 'Tram'], MEANS)


@pytest.mark.parametrize('num_bins', [4, 12])
def test_heading_decode_inverts_encode(num_bins):
    coder = HeadingBinCoder(num_bins)
    angles = torch.linspace(-7, 7, 501, dtype=torch.double)
    bins, residuals = coder.encode(angles)
    assert bins.min() == 0 and bins.max() == num_bins - 1
    assert residuals.abs().max() <= math.pi / num_bins + 1e-9
    logits = torch.nn.functional.one_hot(bins, num_bins).double()
    spread = residuals[:, None].expand(-1, num_bins)
    decoded = coder.decode(logits, spread)
    torch.testing.assert_close(torch.exp(1j * decoded), torch.exp(1j * angles), atol=1e-5,
                               rtol=0)
    assert (decoded >= -math.pi).all() and (decoded < math.pi).all()


@pytest.mark.parametrize('degrees, expected_bin, residual', [
    (0, 0, 0), (14, 0, 14), (16, 1, -14), (-14, 0, -14), (-16, 11, 14), (180, 6, 0)])
def test_heading_bins_are_centred_on_multiples_of_30_degrees(degrees, expected_bin, residual):
    bins, residuals = HeadingBinCoder(12).encode(torch.tensor([math.radians(degrees)]))
    assert bins.item() == expected_bin
    assert math.degrees(residuals.item()) == pytest.approx(residual, abs=1e-3)


def test_tiny_negative_angles_have_valid_bins():
    bins, _ = HeadingBinCoder(12).encode(torch.tensor([-math.pi / 12 - 1e-9, -1e-12]))
    assert ((bins >= 0) & (bins < 12)).all()


def test_heatmap_is_one_at_the_cells_of_objects():
    """The third object has a negative width, which counts as zero."""
    code = SimpleNamespace(sizes_2d=torch.tensor([[20., 10.], [6., 6.], [-1., 3.]]),
                           cells=torch.tensor([[10, 5], [30, 8], [2, 2]]))
    heatmap = CenterTargetAssigner().draw_heatmap(
        code, torch.tensor([0, 1, 1]), torch.tensor([1, 0, 2]), 2, 3, (12, 40))
    assert heatmap.shape == (2, 3, 12, 40)
    assert heatmap.eq(1).nonzero().tolist() == [[0, 1, 5, 10], [1, 0, 8, 30], [1, 2, 2, 2]]
