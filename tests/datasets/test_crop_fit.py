"""CropScaleAffine on images of any shape."""
import numpy as np
import pytest
import torch
from mmdet3d.registry import TRANSFORMS
from tiny_kitti import P2, project

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.geometry import affine_from_crop
from mmdet3d_plugin.models.task_modules.center_coder import CenterCoder
from mmdet3d_plugin.models.task_modules.input_geometry import InputGeometry

# Scale of the image, and the place of its corner in an input of 640x192.
FITS = {
    ('contain', (960, 960)): (.2, 224., 0.), ('cover', (960, 960)): (2 / 3, 0., -224.),
    ('width', (960, 960)): (2 / 3, 0., -224.),
    ('contain', (2400, 600)): (4 / 15, 0., 16.), ('cover', (2400, 600)): (.32, -64., 0.),
    ('width', (2400, 600)): (4 / 15, 0., 16.),
    **{(fit, (1280, 384)): (.5, 0., 0.) for fit in ('contain', 'cover', 'width')}}


def crop(fit=None, **options):
    options = options if fit is None else dict(options, fit=fit)
    return TRANSFORMS.build(dict(type='CropScaleAffine', **{'input_size': (640, 192), **options}))


@pytest.mark.parametrize('reference', [False, True])
@pytest.mark.parametrize('fit, size', list(FITS))
def test_each_fit_places_the_image(fit, size, reference):
    image = np.full((size[1], size[0], 3), 255, np.uint8)
    results = crop(fit, reference=reference)(dict(img=image))
    scale, x, y = FITS[fit, size]
    np.testing.assert_allclose(results['affine'], [[scale, 0, x], [0, scale, y], [0, 0, 1]],
                               atol=1e-3 if reference else 1e-9)
    shown = (results['img'] > 0).any(axis=2)  # padding is black
    columns, rows = min(640, scale * size[0]), min(192, scale * size[1])
    assert abs(shown.any(axis=0).sum() - columns) <= 1 and abs(shown.any(axis=1).sum() - rows) <= 1


def test_the_whole_image_is_shown_by_default():
    assert crop().fit == 'contain' and crop(reference=True).fit == 'width'
    assert crop().hidden_share(960, 1280) == 0
    # 640x192 shows 540 * 192 / 640 = 162 of 960 rows
    assert crop('width').hidden_share(540, 960) == pytest.approx(1 - 162 / 960)
    assert crop('cover').hidden_share(2400, 600) == pytest.approx(1 / 6)
    with pytest.raises(InputError, match="fit is 'stretch', expected one of 'contain', 'cover'"):
        crop('stretch')
    for size in ((640, ), (640, 0), (640., 192)):
        with pytest.raises(InputError, match='input_size is'):
            crop(input_size=size)


@pytest.mark.parametrize('width, height', [(1242, 375), (1224, 370), (960, 960)])
def test_width_is_the_published_affine_to_the_last_bit(monkeypatch, width, height):
    transform = crop('width', prob=1., input_size=(1280, 384))
    zoom, move = 1.1234567, np.array([.0654321, -.0432109])
    monkeypatch.setattr(transform, '_random_crop', lambda: (zoom, move))
    found = transform(dict(img=np.zeros((height, width, 3), np.uint8)))['affine']
    center = np.array([width, height]) * (.5 + move)
    assert (found == affine_from_crop(center, width * zoom, (1280, 384))).all()


def test_random_crops_keep_the_fit(monkeypatch):
    """A crop of half the size shows an image of half the size, in each fit."""
    for fit in ('contain', 'cover', 'width'):
        transform = crop(fit, prob=1.)
        monkeypatch.setattr(transform, '_random_crop', lambda: (.5, np.zeros(2)))
        found = transform(dict(img=np.zeros((960, 960, 3), np.uint8)))['affine'][0, 0]
        assert found == pytest.approx(2 * FITS[fit, (960, 960)][0])


@pytest.mark.parametrize('fit', ['contain', 'cover', 'width'])
def test_frames_of_other_sizes_and_cameras_share_a_batch(fit):
    """Objects of frames of three shapes and cameras are encoded and decoded in one batch."""
    boxes_3d = torch.tensor([[.5, 1.6, 20., 4., 1.5, 1.6, .3]] * 3, dtype=torch.float64)
    center = boxes_3d[:, :3].numpy() - [0., .75, 0.]
    cameras, affines, boxes_2d, centers_2d, inputs = [], [], [], [], []
    for width, height, focal in ((1242, 375, 721.), (540, 960, 500.), (1600, 900, 1266.)):
        camera = np.eye(4)
        camera[:3] = P2
        camera[[0, 1], [0, 1]], camera[:2, 2] = focal, (width / 2, height / 2)
        box = np.array([width / 2 - 40., height / 2 - 20., width / 2 + 60., height / 2 + 50.])
        results = crop(fit)(dict(
            img=np.zeros((height, width, 3), np.uint8), gt_bboxes=box[None].astype(np.float32),
            centers_2d=project(center[:1], camera).astype(np.float32)))
        assert results['img'].shape == (192, 640, 3)
        cameras.append(camera), affines.append(results['affine'])
        boxes_2d.append(results['gt_bboxes']), centers_2d.append(results['centers_2d'])
        inputs.append(box)
    geometry = InputGeometry(torch.tensor(np.array(cameras)),
                             torch.tensor(np.linalg.inv(np.array(affines))))
    coder = CenterCoder(['Car'], dict(car=(1.5, 1.6, 4.)))
    labels = torch.zeros(3, dtype=torch.long)
    code = coder.encode(torch.tensor(np.concatenate(boxes_2d)),
                        torch.tensor(np.concatenate(centers_2d)), boxes_3d, labels, geometry)
    decoded = coder.decode(code, labels, geometry)
    np.testing.assert_allclose(decoded.boxes_3d, boxes_3d, atol=1e-3)
    np.testing.assert_allclose(decoded.boxes_2d, inputs, atol=1e-2)
