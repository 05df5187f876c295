"""Keypoint head of MonoCon: projected corners, targets and losses."""
import numpy as np
import pytest
import torch
from mmdet.models.utils.gaussian_target import gaussian_radius as mmdet_radius
from mmdet3d.registry import MODELS
from tiny_kitti import P2, box_corners, project

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.geometry import affine_from_crop, gaussian_radius
from mmdet3d_plugin.models.auxiliaries import AuxiliaryLabels, AuxiliaryObjects
from mmdet3d_plugin.models.dense_heads.center_head_2d import MIN_SCORE
from mmdet3d_plugin.models.task_modules.input_geometry import InputGeometry

CAMERA = torch.tensor(np.vstack([P2, [0, 0, 0, 1]]), dtype=torch.float32)


def test_keypoints_are_the_projected_corners_and_centre():
    affine = affine_from_crop((600., 180.), 1000., (1280, 384))
    geometry = InputGeometry(CAMERA.expand(2, 4, 4),
                             torch.tensor(np.linalg.inv(affine)).float().expand(2, 3, 3))
    # Sizes are length, height, width. A part of the second box is behind the camera.
    boxes = torch.tensor([[-3., 1.6, 12., 3.9, 1.5, 1.6, .4], [1., 1.6, 1., 3.9, 1.5, 1.6, 1.5]])
    empty = torch.zeros(2)
    keypoints, in_front = AuxiliaryObjects(
        empty.long(), empty.long(), empty, empty, empty, empty, boxes, geometry, 4).keypoints()
    corners = box_corners((-3., 1.6, 12.), (1.5, 1.6, 3.9), .4)
    uv = np.r_[project(corners), project([[-3., 1.6 - .75, 12.]])]
    expected = (uv * affine[0, 0] + affine[:2, 2]) / 4
    found = keypoints[0].numpy()
    order = [np.abs(found[:8] - point).sum(1).argmin() for point in expected[:8]]
    assert sorted(order) == list(range(8))
    np.testing.assert_allclose(found[[*order, 8]], expected, atol=2e-3)
    behind = box_corners((1., 1.6, 1.), (1.5, 1.6, 3.9), 1.5)[:, 2] <= 0
    assert in_front[0].all() and (~in_front[1]).sum() == behind.sum() == 4


@pytest.mark.parametrize('min_overlap', [.3, .7])
def test_exact_radius_equals_that_of_mmdet(min_overlap):
    sizes = torch.tensor([[10., 20.], [3., 3.], [40., 7.]])
    expected = [mmdet_radius(size.tolist(), min_overlap) for size in sizes]
    found = gaussian_radius(*sizes.unbind(1), min_overlap, exact=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def head(**change):
    torch.manual_seed(0)
    return MODELS.build({**dict(
        type='KeypointHead', in_channels=4, hidden_channels=8, min_overlap=.3,
        loss_heatmap=dict(type='mmdet.GaussianFocalLoss', alpha=2., gamma=4.),
        loss_offset=dict(type='WeightedL1Loss')), **change})


class KnownKeypoints(AuxiliaryObjects):
    """Objects with given keypoints instead of projected ones."""

    def keypoints(self):
        return self.given


def make_objects(image_index, boxes, keypoints, in_front):
    boxes = torch.tensor(boxes, dtype=torch.float32).view(-1, 4)
    empty = torch.zeros(len(boxes))
    objects = KnownKeypoints(torch.tensor(image_index, dtype=torch.long), None, None, boxes, empty,
                             empty, None, None, 4)
    objects.given = (torch.as_tensor(keypoints, dtype=torch.float32).view(-1, 9, 2),
                     torch.as_tensor(in_front, dtype=torch.bool).view(-1, 9))
    return objects


@pytest.fixture
def objects():
    """Two objects in a 12 x 20 map.

    The first object has a keypoint right of the map, one less than a cell left of the map, and
    one more than a cell above the map. Two corners of the second object are behind the camera.
    """
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.rand(2, 9, 2, generator=generator) * torch.tensor([19., 11.])
    keypoints[0, 3, 0] = 25.
    keypoints[0, 4] = torch.tensor([-.75, 5.5])
    keypoints[0, 5] = torch.tensor([5.5, -1.25])
    in_front = torch.ones(2, 9, dtype=torch.bool)
    in_front[1, :2] = False
    keypoints[1, 0] = torch.inf
    return make_objects([1, 0], [[2, 3, 9, 8], [-12, 2, 6, 9]], keypoints, in_front)


def test_losses_agree_with_plain_loops(objects):
    module = head()
    feature = torch.randn(2, 4, 12, 20)
    losses = module(feature, AuxiliaryLabels(objects))
    keypoints, in_front = objects.given
    heatmap, offset = (getattr(module, name)(feature).detach().double().numpy()
                       for name in ('heatmap', 'offset'))
    offset_errors = []
    target = np.zeros((2, 9, 12, 20))
    for item, image in enumerate((1, 0)):
        box = objects.boxes[item].numpy()
        radius = int(mmdet_radius((box[3] - box[1], box[2] - box[0]), .3))
        for k in range(9):
            u, v = keypoints[item, k].tolist()
            # int() truncates toward zero: the cell of -0.75 is 0.
            if not in_front[item, k] or not (0 <= int(u) < 20 and 0 <= int(v) < 12):
                continue
            found = offset[image, :, int(v), int(u)]
            offset_errors.extend(np.abs(found - [u - int(u), v - int(v)]))
            for y in range(12):
                for x in range(20):
                    distance = (x - int(u)) ** 2 + (y - int(v)) ** 2
                    if max(abs(x - int(u)), abs(y - int(v))) <= radius:
                        sigma = (2 * radius + 1) / 6
                        target[image, k, y, x] = max(target[image, k, y, x],
                                                     np.exp(-distance / (2 * sigma ** 2)))
    assert len(offset_errors) == 2 * (18 - 2 - 2)
    assert losses['loss_keypoint_offset'].item() == pytest.approx(np.mean(offset_errors), rel=1e-5)
    p = np.clip(1 / (1 + np.exp(-heatmap)), MIN_SCORE, 1 - MIN_SCORE)
    positive = target == 1
    focal = -np.where(positive, np.log(p) * (1 - p) ** 2,
                      np.log(1 - p) * p ** 2 * (1 - target) ** 4).sum() / positive.sum()
    assert losses['loss_keypoint_heatmap'].item() == pytest.approx(focal, rel=1e-4)


def test_losses_without_objects_are_finite_and_reach_every_weight():
    module = head(norm_cfg=dict(type='AttnBN', num_affines=3))
    labels = AuxiliaryLabels(make_objects([], [], [], []))
    losses = module(torch.randn(2, 4, 12, 20), labels)
    assert losses['loss_keypoint_offset'] == 0
    sum(losses.values()).backward()
    assert all(torch.isfinite(weight.grad).all() for weight in module.parameters())


def test_objects_without_an_affine_are_refused():
    objects = AuxiliaryObjects(*[None] * 8, 4)
    with pytest.raises(InputError, match="known for this project's CropScaleAffine only"):
        head()(torch.zeros(1, 4, 3, 3), AuxiliaryLabels(objects))


def test_initial_weights_are_those_of_the_released_code():
    module = head(in_channels=64, hidden_channels=64, norm_cfg=dict(type='AttnBN', num_affines=10))
    for weight in (module.offset[0].weight, module.offset[1].attention[0].weight,
                   module.offset[3].weight):
        assert weight.std().item() == pytest.approx(1e-3, rel=.3)
    assert module.heatmap[3].bias.sigmoid().tolist() == pytest.approx([.1] * 9)
    # PyTorch's initial weights: uniform with bound 1 / sqrt(inputs).
    assert module.heatmap[0].weight.abs().max().item() == pytest.approx(1 / 24, rel=.01)
    assert module.heatmap[3].weight.abs().max().item() == pytest.approx(1 / 8, rel=.05)
