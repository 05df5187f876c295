"""Depth errors of a detector on cameras of other focal lengths."""
from types import SimpleNamespace

import numpy as np
import pytest

from mmdet3d_plugin.commands import other_cameras
from mmdet3d_plugin.commands.other_cameras import depth_errors, measure, training_view
from mmdet3d_plugin.prediction.focal_correction import TrainingCamera
from mmdet3d_plugin.structures.object_table import ObjectTable
from mmdet3d_plugin.synthetic import frame_objects, render_frame, sample_scene

SEED = 1002  # a scene with two cars in the view of both cameras
TRAINING = TrainingCamera(360., (310, 94), (152., 43.))


def table(names, boxes, depths):
    rows = [[0, 0, 0., *box, 1.5, 1.6, 4., 0., 1.75, depth, 0.]
            for box, depth in zip(boxes, depths)]
    return ObjectTable.from_table(names, rows)


def test_an_object_has_the_error_of_its_detection():
    """The first box overlaps by 0.9 and 0.45, the second by less than 0.5."""
    truth = table(['Car'] * 2, [(0, 0, 10, 10), (50, 0, 60, 10)], [20., 10.])
    found = table(['Car'] * 3, [(0, 0, 10, 4.5), (0, 0, 10, 9), (50, 0, 60, 4.9)], [1., 15., 10.])
    errors = depth_errors(found, truth)
    assert errors[0] == pytest.approx(-.25) and np.isnan(errors[1])
    assert np.isnan(depth_errors(found[:0], truth)).all()


def test_measurement_in_rendered_scenes(monkeypatch):
    """A detector that is 10 % too far at every focal length, and finds pedestrians as well."""
    def detector(image, P2):
        camera = training_view(SimpleNamespace(training_camera=TRAINING), P2[0, 0] / 360)
        assert image.shape == (94, 310, 3) and P2[0, 2] == 152 and P2[1, 2] == 43
        objects = seen[P2[0, 0]] = frame_objects(frame_of(camera), camera)
        objects = objects[np.arange(len(objects))]
        objects.locations = objects.locations * [1., 1., 1.1]
        return SimpleNamespace(objects=objects),

    def frame_of(camera):
        scene = sample_scene(np.random.default_rng(SEED), 1)
        return render_frame(scene, 0, camera, np.random.default_rng(SEED))

    monkeypatch.setattr(other_cameras, 'FIRST_SEED', SEED)
    seen = {}
    detector.training_camera = TRAINING
    (own, ), (far, ) = measure([detector], [1., 1.5], 1, 'Car')
    assert set(seen) == {360., 540.}
    for errors, focal in ((own, 360.), (far, 540.)):
        cars = seen[focal][seen[focal].names == 'Car']
        clear = cars[(cars.occlusions <= 1) & (cars.truncations < .1)]
        assert len(errors) == len(clear) > 0
        np.testing.assert_allclose(list(errors.values()), .1, rtol=1e-6)
