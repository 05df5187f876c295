"""Gaussian heatmap targets compared with mmdet3d."""
import torch
from mmdet3d.models.utils.gaussian import draw_heatmap_gaussian
from mmdet3d.models.utils.gaussian import gaussian_radius as reference_radius

from mmdet3d_plugin.geometry import draw_gaussians, gaussian_radius


def test_radius_equals_the_radius_of_mmdet3d():
    generator = torch.Generator().manual_seed(0)
    heights, widths = torch.rand(2, 200, generator=generator) * 80 + 0.5
    expected = torch.stack([reference_radius((h, w), 0.7) for h, w in zip(heights, widths)])
    torch.testing.assert_close(gaussian_radius(heights, widths, 0.7), expected)


def test_batched_gaussians_equal_mmdet3d_drawing_one_object_at_a_time():
    generator = torch.Generator().manual_seed(1)
    count, planes, size = 40, 6, (24, 40)
    index = torch.randint(planes, (count,), generator=generator)
    cells = torch.stack([torch.randint(40, (count,), generator=generator),
                         torch.randint(24, (count,), generator=generator)], dim=1)
    radii = torch.randint(0, 9, (count,), generator=generator)
    expected = torch.zeros(planes, *size)
    for plane, cell, radius in zip(index, cells, radii.tolist()):
        draw_heatmap_gaussian(expected[plane], cell, radius)
    torch.testing.assert_close(draw_gaussians(index, cells, radii, planes, size), expected,
                               atol=1e-6, rtol=0)


def test_heatmaps_without_objects_are_zero():
    none = torch.zeros(0, dtype=torch.long)
    heatmaps = draw_gaussians(none, torch.zeros(0, 2, dtype=torch.long), none, 3, (4, 5))
    assert heatmaps.shape == (3, 4, 5) and heatmaps.sum() == 0
