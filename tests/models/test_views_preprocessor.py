"""Batches of views as network inputs."""
import numpy as np
import pytest
import torch
from tiny_embedding import SIZE, random_batch

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.data_preprocessors import ViewsPreprocessor

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize('stacked', [False, True])
@pytest.mark.parametrize('training', [False, True])
def test_values_are_scaled_and_normalised_per_channel(stacked, training):
    batch = random_batch(num_images=4, num_views=2, clean=True)
    raw = {name: np.stack(images).astype(float) for name, images in batch['inputs'].items()}
    if stacked:
        batch['inputs'] = {name: torch.stack(images) for name, images in batch['inputs'].items()}
    result = ViewsPreprocessor()(batch, training)
    assert [sample.name for sample in result['data_samples']] == [
        f'image {index}' for index in range(4)]
    assert {name: tuple(images.shape) for name, images in result['inputs'].items()} == dict(
        views=(4, 2, 3, SIZE, SIZE), clean=(4, 3, SIZE, SIZE))
    for name, images in result['inputs'].items():
        assert images.dtype == torch.float32
        for channel in range(3):
            expected = (raw[name][..., channel, :, :] / 255 - MEAN[channel]) / STD[channel]
            np.testing.assert_allclose(images[..., channel, :, :], expected, atol=1e-5)


def test_without_clean_view():
    assert list(ViewsPreprocessor()(random_batch())['inputs']) == ['views']


def test_nothing_is_saved():
    assert not ViewsPreprocessor().state_dict()


def test_mixed_sizes_are_refused():
    batch = random_batch(num_images=2)
    batch['inputs']['views'][1] = torch.zeros(1, 3, 8, 4, dtype=torch.uint8)
    with pytest.raises(InputError, match=r'shapes \(1, 3, 8, 4\) and \(1, 3, 16, 16\); end the '
                                         'transforms of MakeViews with a crop to one size'):
        ViewsPreprocessor()(batch)
