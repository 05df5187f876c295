"""Input geometry: exact, or with the approximations of MonoLSS's released code."""
import numpy as np
import pytest
import torch
from tiny_kitti import IMAGE_SIZE, P2

from mmdet3d_plugin.geometry import affine_from_crop, image_to_camera, inverse_of_affine
from mmdet3d_plugin.models.task_modules.input_geometry import InputGeometry, ReferenceGeometry

WIDTH, HEIGHT = IMAGE_SIZE
CROPS = {'whole': ((WIDTH / 2, HEIGHT / 2), WIDTH), 'crop': ((500., 210.), .7 * WIDTH)}


def geometry(cls, crop):
    center, crop_width = CROPS[crop]
    meta = dict(cam2img=np.vstack([P2, [0, 0, 0, 1]]), ori_shape=(HEIGHT, WIDTH),
                affine=affine_from_crop(center, crop_width, (1280, 384)), img_shape=(384, 1280))
    return cls.from_metas([meta], torch.device('cpu')).of_objects(torch.tensor([0]))


@pytest.mark.parametrize('crop', CROPS)
def test_reference_maps_input_to_crop_by_separate_factors(crop):
    """A point at fractions (s, t) of the input maps to fractions (s, t) of the crop."""
    (u, v), crop_width = CROPS[crop]
    crop_height = crop_width * HEIGHT / WIDTH
    fraction = torch.tensor([[.25, .9]])
    point = geometry(ReferenceGeometry, crop).to_original(fraction * torch.tensor([1280., 384.]))
    np.testing.assert_allclose(point[0], [u + (.25 - .5) * crop_width,
                                          v + (.9 - .5) * crop_height], rtol=1e-5)


@pytest.mark.parametrize('crop', CROPS)
def test_exact_geometry_inverts_the_affine(crop):
    center, crop_width = CROPS[crop]
    affine = affine_from_crop(center, crop_width, (1280, 384))
    point = geometry(InputGeometry, crop).to_original(torch.tensor([[320., 300.]]))
    np.testing.assert_allclose(affine[:2, :2] @ point[0].numpy() + affine[:2, 2], [320., 300.],
                               atol=1e-3)


def test_reference_projection_divides_by_z():
    exact, reference = geometry(InputGeometry, 'whole'), geometry(ReferenceGeometry, 'whole')
    uv, depth = torch.tensor([[100., 300.]]), torch.tensor([20.])
    x, y, z = image_to_camera(uv, depth, reference.cam2img)[0].tolist()
    assert x == pytest.approx(((100 - P2[0, 2]) * 20 - P2[0, 3]) / P2[0, 0], abs=1e-5)
    assert y == pytest.approx(((300 - P2[1, 2]) * 20 - P2[1, 3]) / P2[1, 1], abs=1e-5)
    assert z == 20
    assert abs(image_to_camera(uv, depth, exact.cam2img)[0, 0].item() - x) > 1e-4


@pytest.mark.parametrize('height, expected', [
    (100., 384 / HEIGHT), (.5, 1.), (-30., 1.), (1.01, 1.01)])
def test_reference_zoom_is_a_ratio_of_heights_of_at_least_one_pixel(height, expected):
    boxes = torch.tensor([[10., 20., 50., 20. + height]])
    zooms = geometry(ReferenceGeometry, 'whole').box_zooms(boxes)
    torch.testing.assert_close(zooms, torch.tensor([expected]), rtol=1e-4, atol=0)
    exact = geometry(InputGeometry, 'whole').zooms()
    torch.testing.assert_close(exact, torch.tensor([1280 / WIDTH]))


@pytest.mark.parametrize('cls, crops', [(InputGeometry, ['whole', 'crop']),
                                        (ReferenceGeometry, ['whole'])])
def test_geometry_of_matrices_is_that_of_metas(cls, crops):
    """The reference geometry knows the size of the image from the affine of the whole image."""
    affines = [affine_from_crop(*CROPS[crop], (1280, 384)) for crop in crops]
    made = cls.from_matrices(torch.tensor(np.stack([P2] * len(crops)), dtype=torch.float32),
                             torch.tensor(np.stack(affines), dtype=torch.float32), (1280, 384))
    for index, crop in enumerate(crops):
        expected = geometry(cls, crop)
        torch.testing.assert_close(made.cam2img[index], expected.cam2img[0, :3])
        torch.testing.assert_close(made.inverse_affine[index], expected.inverse_affine[0],
                                   atol=1e-3, rtol=1e-6)


def test_inverse_of_a_rotating_affine():
    affine = torch.tensor([[[2., 1., 6.], [-1., 3., 8.], [0., 0., 1.]]])
    torch.testing.assert_close(inverse_of_affine(affine) @ affine, torch.eye(3)[None])
