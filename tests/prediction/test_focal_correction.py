"""Depth on cameras of another focal length than the training's."""
from functools import cache

import numpy as np
import pytest
import torch
from mmdet3d.datasets.transforms import AffineResize
from mmdet3d.models.detectors import Base3DDetector
from mmdet3d.registry import MODELS
from mmdet3d.structures import CameraInstance3DBoxes, Det3DDataSample
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData
from tiny_predictor import tiny_model

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.detectors import AuxiliarySupervision
from mmdet3d_plugin.models.model_contract import depth_follows_of
from mmdet3d_plugin.models.task_modules.input_geometry import InputGeometry
from mmdet3d_plugin.prediction import Predictor
from mmdet3d_plugin.prediction.focal_correction import (
    FocalCorrection,
    TrainingCamera,
    feature_stride,
    input_zoom,
)
from mmdet3d_plugin.structures.cameras import project
from mmdet3d_plugin.synthetic import KITTI_P2, Camera, render_frame, sample_scene

SIZE = (621, 188)  # width, height; pixels
FOCAL = 360.
TRAINING = dict(focal_length=FOCAL, image_size=SIZE,
                principal_point=tuple(SIZE[0] / 1242 * KITTI_P2[:2, 2]))
PIPELINE = [dict(type='LoadImageMono3D'),
            dict(type='CropScaleAffine', input_size=(640, 192)), dict(type='PackMono3DInputs')]


@MODELS.register_module()
class PixelHeightDetector(Base3DDetector):
    """Detector of one white object whose depth comes from its height in the input.

    It knows the typical size of an object at the training's focal length, and no camera.

    Args:
        metres_times_pixels: depth times height in the input, at the training's camera.
        follows: ``depth_follows`` of the model. With ``'zoom'`` depth is multiplied by the zoom,
            with ``'camera'`` it is computed from the focal length in input pixels.
    """

    def __init__(self, metres_times_pixels, follows, data_preprocessor=None):
        super().__init__(data_preprocessor=data_preprocessor)
        self.constant, self.depth_follows = metres_times_pixels, follows

    def predict(self, inputs, samples, **kwargs):
        geometry = InputGeometry.from_metas([sample.metainfo for sample in samples], 'cpu')
        boxes_3d, boxes_2d = [], []
        for index, image in enumerate(inputs['imgs']):
            mask = image[0] > .5
            rows, columns = (torch.nonzero(mask.any(dim=axis))[:, 0].float() for axis in (1, 0))
            box = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            own = geometry.of_objects(torch.tensor([index]))
            zoom, focal = own.zooms()[0], own.cam2img[0, 0, 0]
            factor = dict(input=1., zoom=zoom, camera=focal * zoom)[self.depth_follows]
            depth = factor * self.constant / (box[3] - box[1])
            center = own.to_original((box[None, :2] + box[None, 2:]) / 2)[0]
            camera = own.cam2img[0]
            scale = depth + camera[2, 3]
            x = (center[0] * scale - camera[0, 2] * depth - camera[0, 3]) / camera[0, 0]
            y = (center[1] * scale - camera[1, 2] * depth - camera[1, 3]) / camera[1, 1]
            boxes_3d.append(torch.stack([x, y + .75, depth, *torch.tensor([4., 1.5, 1.6, 0.])]))
            boxes_2d.append(own.to_original(box.view(1, 2, 2)).reshape(1, 4))
        return self.add_pred_to_datasample(
            samples,
            [InstanceData(bboxes_3d=CameraInstance3DBoxes(box[None]), scores_3d=torch.ones(1),
                          labels_3d=torch.zeros(1, dtype=torch.long)) for box in boxes_3d],
            [InstanceData(bboxes=box, scores=torch.ones(1), labels=torch.zeros(1).long())
             for box in boxes_2d])

    def loss(self, *args, **kwargs):
        raise NotImplementedError

    def extract_feat(self, *args, **kwargs):
        raise NotImplementedError

    def _forward(self, *args, **kwargs):
        raise NotImplementedError


def detector(constant, follows, **options):
    model = PixelHeightDetector(constant, follows, dict(type='UnitRangePreprocessor'))
    model.cfg = Config(dict(model=dict(type='PixelHeightDetector'), test_pipeline=PIPELINE,
                            class_names=['Car'], training_camera=TRAINING))
    return Predictor(model, 'cpu', **options)


def camera_of(factor):
    """Return the camera of the training, with another focal length."""
    scale = np.diag([SIZE[0] / 1242, SIZE[0] / 1242, 1.])
    P2 = scale @ KITTI_P2
    P2[[0, 1], [0, 1]] = factor * FOCAL
    return Camera(P2, *SIZE)


@cache
def scenes(factor):
    """Render the same scenes with a camera, and return (depth, picture) of each whole object.

    The picture shows the object in white.
    """
    found = {}
    for seed in range(4):
        scene = sample_scene(np.random.default_rng(seed), num_frames=1)
        frame = render_frame(scene, 0, camera_of(factor), np.random.default_rng(0))
        for user in frame.users:
            mask = frame.instances == user.instance
            border = mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()
            if user.kind == 'Car' and mask.any(axis=1).sum() > 14 and not border:
                picture = np.where(mask[..., None], 255, 0).astype(np.uint8).repeat(3, axis=2)
                found[seed, user.instance] = user.location, picture
    return found


def depth_errors(predictor, factor, shared):
    """Return the relative depth error of each object that all cameras see."""
    errors = []
    for key in shared:
        location, picture = scenes(factor)[key]
        prediction, = predictor(picture, camera_of(factor).P2)
        errors.append(prediction.objects.locations[0, 2] / location[2] - 1)
        # The box stays on the object.
        u, v = project(prediction.centers, camera_of(factor).P2)[0]
        left, top, right, bottom = prediction.boxes_2d[0]
        assert abs(u - (left + right) / 2) < .1 and abs(v - (top + bottom) / 2) < .1
        rows, columns = np.nonzero(picture[..., 0])
        np.testing.assert_allclose(
            [left, top, right, bottom],
            [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1],
            atol=max(1., factor))  # an input pixel of a picture that is reduced
    return np.abs(errors)


@pytest.mark.parametrize('follows', ['input', 'zoom', 'camera'])
def test_the_same_scene_with_other_cameras(follows):
    """Corrected, the depth error is at most 1.2 times that on the camera of the training."""
    factors = (1., 0.7, 1.5)
    shared = sorted(set.intersection(*(set(scenes(factor)) for factor in factors)))[:6]
    assert len(shared) >= 4
    zoom = 640 / 621
    products = [location[2] * zoom * picture.any(axis=(1, 2)).sum()
                for location, picture in (scenes(1.)[key] for key in shared)]
    constant = np.median(products) / dict(input=1., zoom=zoom, camera=FOCAL * zoom)[follows]
    predictor, plain = (detector(constant, follows, correct_focal=correct)
                        for correct in (True, False))
    trained = depth_errors(predictor, 1., shared).mean()
    assert .001 < trained < .2
    for factor in factors[1:]:
        assert depth_errors(predictor, factor, shared).mean() <= 1.2 * trained
        uncorrected = depth_errors(plain, factor, shared).mean()
        assert (uncorrected <= 1.2 * trained) == (follows == 'camera')


@pytest.mark.parametrize('method, follows', [
    ('monodle', 'input'), ('monocon', 'input'), ('gupnet', 'camera'), ('monolss', 'zoom'),
    ('didm3d', 'zoom')])
def test_what_the_depth_of_each_detector_follows(method, follows):
    model = tiny_model(method)
    assert depth_follows_of(model) == follows
    assert depth_follows_of(AuxiliarySupervision(model, 'neck[0]', [])) == follows


def corrected(model, focal, **options):
    model.cfg.training_camera = TRAINING
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (188, 621, 3), dtype=np.uint8)
    predictor = Predictor(model, 'cpu', score_threshold=-1., **options)
    return predictor(picture, focal=focal)[0]


def test_a_direct_depth_is_scaled_along_the_ray():
    """MonoDLE: half the focal length is half the depth, at the same pixel, with the same size."""
    model = tiny_model('monodle')
    far, near = corrected(model, FOCAL), corrected(model, FOCAL / 2)
    assert (far.focal_correction, near.focal_correction) == (pytest.approx(1), pytest.approx(.5))
    np.testing.assert_allclose(near.centers[:, 2], far.centers[:, 2] / 2, rtol=1e-5)
    # x = (u - c) z / f, and both z and f are halved.
    np.testing.assert_allclose(near.centers[:, :2], far.centers[:, :2], atol=1e-3)
    np.testing.assert_array_equal(near.objects.sizes_hwl, far.objects.sizes_hwl)
    np.testing.assert_allclose(near.objects.alphas, far.objects.alphas, atol=1e-6)
    np.testing.assert_array_equal(near.boxes_2d, far.boxes_2d)
    rays = np.arctan2(near.centers[:, 0], near.centers[:, 2])
    turned = near.objects.rotations_y - near.objects.alphas - rays
    np.testing.assert_allclose(np.sin(turned), 0, atol=.1)


def test_models_that_follow_the_zoom_see_the_zoom_of_the_training():
    """DID-M3D: visual depth 20 zoom, attribute depth 3 m, with the training's zoom 128 / 621."""
    model = tiny_model('didm3d')
    head = model.object_head.depth_head
    with torch.no_grad():
        for branch, value in ((head.visual, -np.log(20.)), (head.attribute, 3.)):
            branch[-1].weight.zero_()
            branch[-1].bias.fill_(value)
    for focal in (FOCAL, 2 * FOCAL):
        found = corrected(model, focal)
        np.testing.assert_allclose(found.centers[:, 2], 20 * 128 / 621 + 3, rtol=1e-4)
        assert found.focal_correction == pytest.approx(focal / FOCAL)


def test_gupnet_is_not_corrected_twice():
    """Its geometric depth f h3 / h2 doubles with f, and its learned offset stays."""
    model = tiny_model('gupnet')
    # Scores, and what NMS drops, depend on the focal length. Viewing rays are features.
    model.test_cfg.update(nms_iou=1., score_threshold=-1.)
    model.object_head.extractor.ray_scale = 0.
    head = model.object_head.depth_head
    with torch.no_grad():
        head.correction[-1].weight.zero_()
        head.correction[-1].bias.zero_()  # an offset of 1 m
    once, twice = (corrected(model, focal) for focal in (FOCAL, 2 * FOCAL))
    once_depths, twice_depths = (found.centers[np.argsort(found.objects.alphas), 2]
                                 for found in (once, twice))
    np.testing.assert_allclose(twice_depths - 1, 2 * (once_depths - 1), rtol=1e-3)
    assert len(once) > 10 and once.focal_correction is None


def test_depth_maps_are_scaled():
    sample = Det3DDataSample(metainfo=dict(cam2img=camera_of(1.5).P2, affine=np.diag([2., 2, 1])))
    sample.pred_depth_map = PixelData(data=torch.full((1, 2, 2), 8.))
    assert FocalCorrection(FOCAL).apply(sample) == pytest.approx(3)
    assert sample.pred_depth_map.data.tolist() == [[[24.] * 2] * 2]


def test_zoom_of_resized_inputs():
    assert input_zoom(dict(scale_factor=(.5, .5))) == .5 and input_zoom({}) == 1
    turned = np.array([[0., -2., 5.], [2., 0., 1.], [0., 0., 1.]])
    assert input_zoom(dict(affine=turned)) == pytest.approx(2)


def test_zoom_of_inputs_of_mmdet3d():
    resize = AffineResize((640, 192), down_ratio=4)
    meta = resize.transform(dict(img=np.zeros((372, 1240, 3), np.uint8)))
    assert feature_stride([PIPELINE, resize]) == 4
    assert input_zoom(meta, stride=4) == pytest.approx(640 / 1240)
    assert input_zoom(meta) is None and feature_stride([resize, resize]) is None
    assert feature_stride([AffineResize((640, 192), down_ratio=(4, 8))]) is None
    # A picture of twice the size, from a camera of twice the focal length, is the same input.
    sample = Det3DDataSample(metainfo=dict(
        cam2img=camera_of(2.).P2, trans_mat=np.diag([.125, .125, 1.])))
    sample.pred_depth_map = PixelData(data=torch.full((1, 1, 1), 8.))
    assert FocalCorrection(FOCAL, stride=4).apply(sample) == pytest.approx(1)
    assert sample.pred_depth_map.data.item() == 8


@pytest.mark.parametrize('entry', [
    {}, dict(focal_length=0, image_size=(4, 3)), dict(focal_length=700, image_size=(4, )),
    dict(focal_length=float('nan'), image_size=(4, 3)), dict(focal_length=7, image_size=4),
    dict(focal_length=7, image_size=(4, 3), principal_point=(float('inf'), 1))])
def test_bad_training_cameras(entry):
    with pytest.raises(InputError, match='a.pth: training_camera=.*is no camera; write'):
        TrainingCamera.from_config(entry, 'a.pth')
