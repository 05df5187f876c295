"""View synthesis against closed forms, numpy and an analytically rendered second view."""
import numpy as np
import pytest
import torch

from mmdet3d_plugin.self_supervision import (
    back_project,
    disparity_to_depth,
    motion_matrix,
    project,
    sampling_grid,
    warp,
)
from mmdet3d_plugin.self_supervision.view_synthesis import full_precision, pixel_centres

SIZE = HEIGHT, WIDTH = 12, 40
KITTI_CAMERA = np.array([[721.5377, 0., 609.5593, 44.85728], [0., 721.5377, 172.854, .2163791],
                         [0., 0., 1., .002745884], [0., 0., 0., 1.]])
ROTATION = torch.tensor([[.02, -.05, .01], [-.01, .03, .04]], dtype=torch.float64)
TRANSLATION = torch.tensor([[.3, -.1, .8], [-.5, .2, -1.]], dtype=torch.float64)


@pytest.fixture
def cameras():
    """Return the camera of a shrunken image, and of one that is mirrored and rotated too."""
    shrink = np.diag([WIDTH / 1242, HEIGHT / 375, 1., 1.])
    turn = np.eye(4)
    turn[:2, :2] = [[-.96, .28], [.28, .96]]
    turn[:2, 3] = 0
    turn[:2, 2] = WIDTH, -3.
    first = shrink @ KITTI_CAMERA
    return torch.from_numpy(np.stack([first, turn @ first]))


@pytest.fixture
def depth():
    return 3 + 40 * torch.rand(2, 1, *SIZE, generator=torch.manual_seed(0), dtype=torch.float64)


@pytest.fixture
def motion():
    return motion_matrix(ROTATION, TRANSLATION)


def centres():
    """Return the pixel centres (H, W, 2) as (u, v)."""
    return np.stack([[(column + .5, row + .5) for column in range(WIDTH)]
                     for row in range(HEIGHT)])


def test_depth_of_disparity():
    disparity = torch.tensor([[0., .25, .5, 1.]])
    expected = [[100., 1 / 2.5075, 1 / 5.005, .1]]
    depth = disparity_to_depth(disparity, (.1, 100.))
    assert depth.tolist() == pytest.approx(np.array(expected), rel=1e-6)
    assert disparity_to_depth(torch.tensor(.5), (2., 4.)).item() == pytest.approx(8 / 3)


def test_depth_of_half_precision_disparity_is_single_precision():
    depth = disparity_to_depth(torch.tensor([.001], dtype=torch.half), (.1, 100.))
    exact = 1 / (.01 + 9.99 * float(torch.tensor(.001, dtype=torch.half)))
    assert depth.dtype == torch.float32 and depth.item() == pytest.approx(exact, rel=1e-6)


def test_common_type_of_tensors():
    half, byte = torch.zeros(1, dtype=torch.half), torch.zeros(1, dtype=torch.uint8)
    double = torch.zeros(1, dtype=torch.double)
    assert [tensor.dtype for tensor in full_precision(half, byte)] == [torch.float32] * 2
    assert [tensor.dtype for tensor in full_precision(half, double)] == [torch.float64] * 2


def test_pixel_centres_are_ordered_row_by_row():
    points = pixel_centres(SIZE, like=torch.zeros(1, dtype=torch.float64))
    np.testing.assert_array_equal(points.T.reshape(HEIGHT, WIDTH, 2), centres())


def test_back_projection_solves_the_full_projection(cameras, depth):
    points = back_project(depth, cameras)
    assert points.shape == (2, 4, HEIGHT * WIDTH)
    for sample in range(2):
        z = depth[sample, 0].numpy()
        w = z + KITTI_CAMERA[2, 3]
        image = np.stack([centres()[..., 0] * w, centres()[..., 1] * w, w, np.ones_like(w)])
        expected = np.linalg.inv(cameras[sample].numpy()) @ image.reshape(4, -1)
        np.testing.assert_allclose(points[sample], expected, atol=1e-9)


@pytest.mark.parametrize('dtype, tolerance', [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_projection_inverts_back_projection(cameras, depth, dtype, tolerance):
    cameras, depth = cameras.to(dtype), depth.to(dtype)
    pixels = project(back_project(depth, cameras), cameras, torch.eye(4).repeat(2, 1, 1), SIZE)
    for sample in pixels:
        np.testing.assert_allclose(sample.reshape(HEIGHT, WIDTH, 2), centres(), atol=tolerance)


def test_projection_after_motion(cameras, motion):
    points = torch.rand(2, 4, 7, generator=torch.manual_seed(1), dtype=torch.float64) * 5
    points[:, 2] += 4
    points[:, 3] = 1
    pixels = project(points, cameras, motion, SIZE)
    for sample in range(2):
        moved = motion[sample].numpy() @ points[sample].numpy()
        image = cameras[sample].numpy() @ moved
        np.testing.assert_allclose(pixels[sample], (image[:2] / image[2]).T, rtol=1e-10)


def test_points_behind_the_camera_lie_outside_and_stay_finite():
    camera = torch.tensor([[[4., 0., 4., 0.], [0., 4., 2., 0.], [0., 0., 1., 0.],
                            [0., 0., 0., 1.]]])
    z = torch.tensor([5., .0011, .0009, 0., -5.])
    points = torch.stack([torch.zeros(5), torch.zeros(5), z, torch.ones(5)])[None]
    points.requires_grad_()
    pixels = project(points, camera, torch.eye(4)[None], size=(4, 8))
    torch.testing.assert_close(pixels[0], torch.tensor([[4., 2.]] * 2 + [[-8., -4.]] * 3))
    pixels.sum().backward()
    assert points.grad.isfinite().all()
    assert points.grad[0, :, :2].any() and not points.grad[0, :, 2:].any()


def test_backward_motion_past_a_plane_samples_outside():
    camera = torch.tensor([[[4., 0., 4., 0.], [0., 4., 2., 0.], [0., 0., 1., 0.],
                            [0., 0., 0., 1.]]])
    motion = motion_matrix(torch.zeros(1, 3), torch.tensor([[0., 0., -6.]]))
    depth = torch.full((1, 1, 4, 8), 5., requires_grad=True)
    grid = sampling_grid(depth, camera, motion)
    assert (grid < -1).all()
    image = torch.ones(1, 1, 4, 8)
    assert not warp(image, grid, padding_mode='zeros').any()
    warp(image, grid).sum().backward()
    assert depth.grad.isfinite().all()


def test_identity_motion_leaves_an_image(cameras, depth):
    grid = sampling_grid(depth, cameras, torch.eye(4).repeat(2, 1, 1))
    assert grid.shape == (2, HEIGHT, WIDTH, 2)
    expected = 2 * centres() / [WIDTH, HEIGHT] - 1
    np.testing.assert_allclose(grid[0], expected, atol=1e-12)
    image = torch.rand(2, 3, *SIZE, dtype=torch.float64)
    torch.testing.assert_close(warp(image, grid), image)


def texture(x, y):
    return .5 + .25 * np.sin(2 * x + .3) + .25 * np.cos(1.7 * y - .5 * x)


def plane_point(camera, normal, distance, motion):
    """Return the points (H, W, 3), target frame, where the pixels of a moved camera see a plane.

    The plane is ``normal @ point = distance`` in the target frame.
    """
    rays = np.concatenate([centres(), np.ones((*SIZE, 1))], axis=-1)
    inverse = np.linalg.inv(camera[:3, :3])
    rotation, translation = motion[:3, :3], motion[:3, 3]
    start = (camera[2, 3] * rays - camera[:3, 3]) @ inverse.T  # the point of each ray at z = 0
    step = rays @ inverse.T
    z = (distance - (start - translation) @ rotation @ normal) / (step @ rotation @ normal)
    return (start + z[..., None] * step - translation) @ rotation


def test_warp_of_a_textured_plane_renders_the_target_view():
    camera = np.array([[40., 0., 21., 2.], [0., 38., 5., -1.], [0., 0., 1., .1], [0., 0., 0., 1.]])
    motion = motion_matrix(torch.tensor([[.03, -.05, .04]], dtype=torch.float64),
                           torch.tensor([[.4, -.1, .3]], dtype=torch.float64))
    normal, distance = np.array([.2, -.1, 1.]), 6.
    seen = plane_point(camera, normal, distance, np.eye(4))
    target = texture(seen[..., 0], seen[..., 1])
    source = texture(*plane_point(camera, normal, distance, motion[0].numpy()).T[:2]).T
    depth = torch.from_numpy(seen[..., 2])[None, None]
    grid = sampling_grid(depth, torch.from_numpy(camera)[None], motion)
    centre_range = 1 - 1 / torch.tensor([WIDTH, HEIGHT])
    inside = (grid[0].abs() <= centre_range).all(-1).numpy()
    assert .5 < inside.mean() < 1
    warped = warp(torch.from_numpy(source)[None, None], grid)[0, 0].numpy()
    error = np.abs(warped - target)[inside]
    assert error.max() < .02  # bilinear interpolation of a wavelength of about 20 pixels
    assert np.abs(source - target)[inside].max() > .2


def test_border_and_zero_padding():
    image = torch.tensor([[[[1., 2., 3., 4.]]]])
    # Pixel centres 2 pixels left of the image, half a pixel left, at pixel 3, half a pixel right.
    pixels = torch.tensor([-1.5, 0., 2.5, 4.])
    grid = torch.stack([pixels / 2 - 1, torch.zeros(4)], dim=-1)[None, None]
    assert warp(image, grid).flatten().tolist() == [1., 1., 3., 4.]
    assert warp(image, grid, padding_mode='zeros').flatten().tolist() == [0., .5, 3., 2.]


def test_border_padding_passes_no_gradient_to_the_grid():
    grid = torch.tensor([[[[-1.5, 0.], [0., 0.]]]], requires_grad=True)
    warp(torch.tensor([[[[1., 2., 3., 4.]]]]), grid).sum().backward()
    # The image rises by 1 per pixel; half its width of 4 pixels is one unit of the grid.
    assert grid.grad[0, 0, :, 0].tolist() == [0., 2.]


def test_nearest_warp_keeps_instance_numbers():
    instances = torch.tensor([[[[0, 7, 7, 26001]]]])
    grid = torch.tensor([[[[-.3, 0.], [.2, 0.], [.6, 0.], [-.9, 0.]]]])
    assert warp(instances, grid, mode='nearest').flatten().tolist() == [7., 7., 26001., 0.]


def test_gradients(cameras, depth, motion):
    depth = depth[..., ::5, ::9].contiguous().requires_grad_()
    motion.requires_grad_()
    assert torch.autograd.gradcheck(lambda depth, motion: sampling_grid(depth, cameras, motion),
                                    (depth, motion))


def test_reduced_precision_does_not_move_the_samples(cameras, depth, motion):
    inputs = [tensor.float() for tensor in (depth, cameras, motion)]
    expected = sampling_grid(*inputs)
    image = torch.rand(2, 3, *SIZE)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        grid = sampling_grid(*inputs)
        warped = warp(image, grid)
    assert torch.equal(grid, expected) and torch.equal(warped, warp(image, expected))
    assert warp(image.bfloat16(), grid).dtype == torch.float32


def test_no_value_is_read_by_the_host(cameras, depth, motion):
    # Tensors on the meta device have no values.
    depth, cameras, motion = (tensor.to('meta') for tensor in (depth, cameras, motion))
    assert warp(depth, sampling_grid(depth, cameras, motion)).shape == depth.shape
