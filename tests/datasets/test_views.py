"""Views of an image: MakeViews and PackViews."""
from itertools import combinations

import numpy as np
import pytest
import torch

from mmdet3d_plugin.datasets.sample_randomness import SampleIndex, sample_randomness
from mmdet3d_plugin.datasets.transforms import MakeViews, PackViews
from mmdet3d_plugin.errors import InputError

RANDOM = [dict(type='RandomResizedCrop', size=8, scale=(.2, .6)),
          dict(type='RandomHorizontalFlip'),
          dict(type='ColorJitter', brightness=.4, hue=.1)]
STILL = [dict(type='Resize', size=10), dict(type='CenterCrop', size=8)]


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (20, 14, 3), dtype=np.uint8)


def make(image, seed=None, **settings):
    transform = MakeViews(**settings)
    index = 0 if seed is None else SampleIndex(0, seed=seed)
    with sample_randomness(index):
        return transform(dict(img=image))


def test_views_are_rgb(image):
    results = make(image, transforms=[dict(type='CenterCrop', size=(6, 4))], num_views=2,
                   clean=[])
    views = results['views']
    assert views.shape == (2, 3, 6, 4) and views.dtype == torch.uint8
    # Rows 7 to 12, columns 5 to 8; the channels in reverse order.
    expected = image[7:13, 5:9, ::-1].transpose(2, 0, 1)
    np.testing.assert_array_equal(views[0], expected)
    np.testing.assert_array_equal(views[1], expected)
    np.testing.assert_array_equal(results['clean_view'], image[..., ::-1].transpose(2, 0, 1))


def test_without_clean_view(image):
    assert 'clean_view' not in make(image, transforms=STILL)


def test_views_depend_on_the_seed_of_the_sample_alone(image):
    first = make(image, seed=4, transforms=RANDOM, num_views=3, clean=STILL)
    torch.manual_seed(123)
    np.random.seed(9)
    again = make(image, seed=4, transforms=RANDOM, num_views=3, clean=STILL)
    assert torch.equal(first['views'], again['views'])
    other = make(image, seed=5, transforms=RANDOM, num_views=3, clean=STILL)
    for views in (first['views'], other['views']):
        assert not any(torch.equal(*pair) for pair in combinations(views, 2))
    assert not torch.equal(first['views'][0], other['views'][0])
    assert torch.equal(first['clean_view'], other['clean_view'])


def test_nested_transforms(image):
    nested = [dict(type='RandomApply', p=1., transforms=[dict(type='CenterCrop', size=5)])]
    expected = make(image, transforms=[dict(type='CenterCrop', size=5)])['views']
    assert torch.equal(make(image, transforms=nested)['views'], expected)
    with pytest.raises(InputError, match="no transform 'NoSuch'"):
        MakeViews([dict(type='RandomApply', transforms=[dict(type='NoSuch')])])


@pytest.mark.parametrize('settings, message', [
    (dict(type='NoSuchCrop', size=3), "torchvision.transforms.v2 has no transform 'NoSuchCrop'"),
    (dict(type='functional'), "no transform 'functional'"),
    (dict(type='InterpolationMode'), "no transform 'InterpolationMode'"),
    (dict(type='__builtins__'), "no transform '__builtins__'"),
    (dict(size=3), 'no transform None'),
    (dict(type='CenterCrop'), 'CenterCrop: .*size'),
    (dict(type='CenterCrop', sise=3), 'CenterCrop: .*sise'),
    (dict(type='ColorJitter', brightness=-1.), 'ColorJitter: .*non negative')])
@pytest.mark.parametrize('clean', [False, True])
def test_wrong_transforms_are_refused(settings, message, clean):
    with pytest.raises(InputError, match=message):
        MakeViews(STILL if clean else [settings], clean=[settings] if clean else None)


def test_no_view_is_refused():
    with pytest.raises(InputError, match='num_views is 0, expected 1 or more'):
        MakeViews(STILL, num_views=0)


@pytest.mark.parametrize('last, found', [
    (dict(type='ConvertImageDtype'), r'\(3, 20, 14\) torch.float32'),
    (dict(type='Grayscale'), r'\(1, 20, 14\) torch.uint8'),
    (dict(type='FiveCrop', size=4), 'tuple'),
    (dict(type='ToPILImage'), 'Image')])
def test_views_have_to_be_uint8_images(image, last, found):
    for settings in (dict(transforms=[last]), dict(transforms=[], clean=[last])):
        with pytest.raises(InputError, match=f'return {found}, expected .3, H, W. uint8'):
            make(image, **settings)


def test_views_of_several_sizes_are_refused(image):
    with pytest.raises(InputError, match='sizes .* and .*; end the transforms with a crop'):
        make(image, seed=0, transforms=[dict(type='RandomZoomOut', p=1.)], num_views=4)


def test_packed_sample(image):
    results = make(image, transforms=STILL, num_views=2, clean=STILL)
    box = np.array([1., 2., 3., 4.])
    info = dict(name='a/b', img_path='root/a/b.png', sample_idx=7, label=3, box=box)
    packed = PackViews()({**results, **info, 'ori_shape': (20, 14)})
    assert packed['inputs'].keys() == {'views', 'clean'}
    assert torch.equal(packed['inputs']['views'], results['views'])
    assert torch.equal(packed['inputs']['clean'], results['clean_view'])
    sample = packed['data_samples']
    assert sample.metainfo.keys() == info.keys() and not list(sample.keys())
    assert (sample.name, sample.img_path, sample.sample_idx, sample.label) == (
        'a/b', 'root/a/b.png', 7, 3)
    assert sample.box is box or (sample.box == box).all()


def test_packed_sample_without_clean_view_and_box(image):
    packed = PackViews()({**make(image, transforms=STILL), 'name': 'a', 'label': 0})
    assert packed['inputs'].keys() == {'views'}
    assert packed['data_samples'].metainfo == dict(name='a', label=0)
