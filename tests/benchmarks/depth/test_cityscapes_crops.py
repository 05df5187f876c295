"""Crops of Cityscapes."""
import pytest

from mmdet3d_plugin.benchmarks.depth.crops import crop_bounds
from mmdet3d_plugin.errors import InputError


def test_training_leaves_out_the_bottom_quarter():
    assert crop_bounds('cityscapes_top', (1024, 2048)) == (0, 768, 0, 2048)


def test_evaluation_crops_the_remaining_image():
    """Rows 256 to 767 and columns 192 to 1855 of the upper 768 rows."""
    assert crop_bounds(('cityscapes_top', 'cityscapes'), (1024, 2048)) == (256, 768, 192, 1856)


def test_a_small_image_does_not_fit():
    with pytest.raises(InputError, match="'cityscapes' does not fit an image of 512x192"):
        crop_bounds('cityscapes', (192, 512))
