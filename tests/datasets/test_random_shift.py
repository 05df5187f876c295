"""The random shift by whole pixels."""
import numpy as np
import pytest
from mmdet3d.registry import TRANSFORMS


def shift(**change):
    return TRANSFORMS.build(dict(type='RandomShiftMono3D', **change))


def make_results(boxes, size=(40, 100)):
    image = np.arange(size[0] * size[1] * 3, dtype=np.int64) % 251 + 1
    boxes = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return dict(img=image.astype(np.uint8).reshape(*size, 3), gt_bboxes=boxes,
                centers_2d=boxes[:, :2].copy(), depths=np.arange(len(boxes)))


def fixed(monkeypatch, u, v):
    monkeypatch.setattr(np.random, 'rand', lambda: 0.)
    monkeypatch.setattr(np.random, 'randint', lambda *arguments, **keywords: np.array([u, v]))


def test_image_boxes_and_centres_move(monkeypatch):
    fixed(monkeypatch, -10, 4)
    before = make_results([[2, 5, 30, 20], [5, 5, 10.5, 20], [50, 30, 60, 39]])
    results = shift(prob=.5)(make_results([[2, 5, 30, 20], [5, 5, 10.5, 20], [50, 30, 60, 39]]))
    np.testing.assert_array_equal(results['img'][4:, :-10], before['img'][:-4, 10:])
    assert not results['img'][:4].any() and not results['img'][:, -10:].any()
    # Boxes are clipped. The second box keeps half a pixel and is removed.
    np.testing.assert_array_equal(results['gt_bboxes'], [[0, 9, 20, 24], [40, 34, 50, 40]])
    np.testing.assert_array_equal(results['centers_2d'], [[-8, 9], [40, 34]])
    np.testing.assert_array_equal(results['depths'], [0, 2])
    np.testing.assert_array_equal(results['affine'], [[1, 0, -10], [0, 1, 4], [0, 0, 1]])
    assert results['affine_aug'] is True and results['img_shape'] == (40, 100)


def test_shift_that_would_remove_all_objects_is_not_applied(monkeypatch):
    fixed(monkeypatch, -10, 0)
    results = shift(prob=.5)(make_results([[2, 5, 9, 20]]))
    np.testing.assert_array_equal(results['img'], make_results([])['img'])
    np.testing.assert_array_equal(results['gt_bboxes'], [[2, 5, 9, 20]])
    np.testing.assert_array_equal(results['affine'], np.eye(3))
    assert results['affine_aug'] is False


def test_shifts_are_uniform_and_applied_with_the_given_probability():
    np.random.seed(0)
    transform = shift(prob=.5, max_shift=3)
    moves = []
    for _ in range(2000):
        results = transform(dict(img=np.zeros((8, 8, 3), np.uint8)))
        if results['affine_aug']:
            moves.append(results['affine'][:2, 2])
    assert len(moves) == pytest.approx(1000, abs=100)
    for axis in np.array(moves).T:
        values, counts = np.unique(axis, return_counts=True)
        assert values.tolist() == [-3, -2, -1, 0, 1, 2]
        assert counts.min() > 100


def test_test_time_form_keeps_the_image():
    results = shift()(make_results([[2, 5, 9, 20]]))
    np.testing.assert_array_equal(results['img'], make_results([])['img'])
    assert results['affine_aug'] is False and 'prob=0' in repr(shift())
