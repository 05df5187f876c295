"""Pictures of the training's camera, made of pictures of other cameras."""
import numpy as np
import pytest
from tiny_predictor import tiny_model

from mmdet3d_plugin.datasets.transforms import CropScaleAffine
from mmdet3d_plugin.prediction import Camera, Predictor
from mmdet3d_plugin.prediction.focal_correction import TrainingCamera
from mmdet3d_plugin.prediction.virtual_camera import VirtualCamera
from mmdet3d_plugin.structures.cameras import project

TRAINING = TrainingCamera(400., (640, 192), (310., 80.))
INPUT_SIZE = (320, 96)  # zoom 0.5


def virtual_camera(fit='contain'):
    return VirtualCamera(TRAINING, CropScaleAffine(INPUT_SIZE, fit=fit))


def camera(focal, u, v, translation=0.):
    return Camera(np.array([[focal, 0., u, translation], [0., focal, v, 0.], [0., 0., 1., .003]]))


@pytest.mark.parametrize('focal', [250., 400., 900.])
def test_a_point_of_the_world_is_where_the_training_camera_shows_it(focal):
    """A white disc at a projected point appears at the projection of the virtual camera."""
    point = np.array([[1.3, .4, 9.]])
    own = camera(focal, 290., 130., translation=44.)
    u, v = project(point, own.P2)[0]
    rows, columns = np.mgrid[:260, :600] + .5
    image = (255 * (np.hypot(columns - u, rows - v) < 6)).astype(np.uint8)
    shown = virtual_camera().view(image[..., None].repeat(3, axis=2), own)

    assert shown.camera.P2[0, 0] == shown.camera.P2[1, 1] == pytest.approx(400)
    assert shown.camera.P2[1, 2] == pytest.approx(80)
    # The frame of the camera is kept: the translation scales with the pixels.
    offset = shown.camera.P2[0, 2] * .003 - 290 * 400 / focal * .003
    assert shown.camera.P2[0, 3] == pytest.approx(44 * 400 / focal + offset, abs=.02)
    weights = shown.image[..., 0].astype(float)
    found = [(weights * (np.arange(weights.shape[1]) + .5)).sum(),
             (weights * (np.arange(weights.shape[0])[:, None] + .5)).sum()] / weights.sum()
    np.testing.assert_allclose(found, project(point, shown.camera.P2)[0], atol=.1)
    np.testing.assert_allclose((shown.to_original @ [*found, 1.])[:2], [u, v], atol=.2)


@pytest.mark.parametrize('fit', CropScaleAffine.FITS)
def test_wider_inputs_keep_the_scale_and_the_relative_place(fit):
    """The right half of 900 columns at 1.6 times the size needs 1.6 * 700 pixels."""
    shown = virtual_camera(fit).view(np.zeros((192, 900, 3), np.uint8), camera(250., 200., 80.))
    # 310 + 1120 - 640 = 790 pixels are missing on the right: 395 on the input, 400 of steps of 16.
    assert shown.input_size == (320 + 2 * 400, 96)
    assert shown.image.shape[:2] == (192, 640 + 2 * 800)
    assert shown.camera.P2[0, 2] == pytest.approx(310 + 800)
    affine = CropScaleAffine(shown.input_size, fit=fit).whole_image_affine(2240, 192)
    np.testing.assert_allclose(affine, [[.5, 0., 0.], [0., .5, 0.], [0., 0., 1.]], atol=1e-9)
    assert shown.hidden_share == pytest.approx(1 - 192 / (192 * 1.6))


def test_a_smaller_picture_repeats_its_border():
    image = np.full((100, 200, 3), 7, np.uint8)
    image[:, -1] = 200
    shown = virtual_camera().view(image, camera(400., 100., 50.))
    assert shown.input_size == INPUT_SIZE and shown.image.shape == (192, 640, 3)
    assert (shown.image[:, 450:] == 200).all() and (shown.image[:, :400] == 7).all()
    assert shown.hidden_share == 0


def test_the_width_is_limited():
    """A focal length of 20 pixels would need 640 * 20 columns; four widths are shown."""
    shown = virtual_camera().view(np.zeros((192, 640, 3), np.uint8), camera(20., 320., 80.))
    assert shown.input_size == (4 * 320, 96)
    assert shown.hidden_share == pytest.approx(1 - 1 / 20 * 4 / 20)


def test_the_own_camera():
    virtual = virtual_camera()
    assert virtual.is_own(camera(400., 310., 80.), (640, 192))
    for other in ((401., 310., 80.), (400., 312., 80.), (400., 310., 82.)):
        assert not virtual.is_own(camera(*other), (640, 192))
    assert not virtual.is_own(camera(400., 310., 80.), (640, 200))


def test_pictures_of_several_cameras_in_one_batch():
    """Each picture gets the prediction that it gets alone."""
    model = tiny_model('monolss')
    model.cfg.training_camera = dict(focal_length=300., image_size=(128, 64))
    predictor = Predictor(model, 'cpu', score_threshold=-1.)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (64, 128, 3), dtype=np.uint8) for _ in range(3)]
    pictures = [predictor.picture(item, cameras) for image, focal in zip(images, (300, 100, 300))
                for item, cameras in [source(image, focal)]]
    assert [picture.virtual is None for picture in pictures] == [True, False, True]
    together = predictor.predict(pictures)
    for picture, found in zip(pictures, together):
        alone, = predictor.predict([picture])
        assert found.image is picture.image and len(found)
        np.testing.assert_allclose(found.boxes_3d, alone.boxes_3d, atol=1e-4)
        np.testing.assert_allclose(found.boxes_2d, alone.boxes_2d, atol=1e-3)
        assert (found.boxes_2d >= 0).all() and (found.boxes_2d <= [128, 64, 128, 64]).all()


def source(image, focal):
    """Return the single item of an image's source, and its camera."""
    from mmdet3d_plugin.prediction import open_images
    from mmdet3d_plugin.prediction.cameras import CameraSource
    return next(iter(open_images(image))), CameraSource(focal=focal)
