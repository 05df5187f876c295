"""InstanceDepthMetric against loops over pixels and against values worked out by hand."""
import math

import numpy as np
import pytest
import torch
from mmdet3d.registry import METRICS
from mmdet3d.structures import Det3DDataSample
from mmengine.structures import PixelData

from mmdet3d_plugin.benchmarks.depth.map_errors import DEPTH_STYLES, DepthProtocol
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.evaluation import table_metric


def sample(frame, truth, predicted, ids, **meta):
    """Data sample as the evaluator passes it, with (H, W) maps."""
    item = Det3DDataSample(metainfo=dict(frame=frame, img_path=f'{frame}.png', **meta))
    for key, depth in (('gt_depth_map', truth), ('pred_depth_map', predicted)):
        if depth is not None:
            item.set_field(PixelData(data=torch.tensor(depth, dtype=torch.float32)[None]), key,
                           dtype=PixelData)
    if ids is not None:
        item.set_field(torch.tensor(ids), 'gt_instance_map')
    return item.to_dict()


def evaluate(samples, **options):
    metric = METRICS.build(dict(type='InstanceDepthMetric', **options))
    for item in samples:
        metric.process({}, [item])
    return {key.split('/')[1]: value for key, value in metric.evaluate(len(samples)).items()}


def errors_by_loop(truth, predicted, ids, moving_ids, part, scaled):
    """Errors of one image, pixel by pixel; None without a pixel of the part."""
    counted = [(t, p, i) for t, p, i in zip(truth.ravel(), predicted.ravel(), ids.ravel())
               if 1e-3 < t < 80]
    factor = 1.
    if scaled:  # by the medians of all pixels, not those of the part alone
        factor = np.median([t for t, _, _ in counted]) / np.median([p for _, p, _ in counted])
    pairs = [(float(t), min(max(float(p) * factor, 1e-3), 80.)) for t, p, i in counted
             if i != 0 and (part == 'movable' or (i in moving_ids) == (part == 'moving'))]
    if not pairs:
        return None
    count = len(pairs)
    factors = [max(p / t, t / p) for t, p in pairs]
    return dict(
        AbsRel=sum(abs(p - t) / t for t, p in pairs) / count,
        SqRel=sum((p - t) ** 2 / t for t, p in pairs) / count,
        RMSE=math.sqrt(sum((p - t) ** 2 for t, p in pairs) / count),
        RMSElog=math.sqrt(sum(math.log(p / t) ** 2 for t, p in pairs) / count),
        log10=sum(abs(math.log10(p / t)) for t, p in pairs) / count,
        **{f'delta{power}': sum(f < 1.25 ** power for f in factors) / count
           for power in (1, 2, 3)})


@pytest.mark.parametrize('scaled', [False, True])
def test_errors_equal_a_loop_over_pixels(scaled):
    rng = np.random.default_rng(0)
    images = []
    for index in range(4):
        truth = rng.uniform(1, 100, (6, 9)) * (rng.random((6, 9)) < .7)
        predicted = truth * rng.uniform(.6, 1.7, (6, 9)) + .5
        ids = rng.integers(0, 4, (6, 9))
        ids[ids == 2] *= index != 2  # image 2 has no moving instance
        images.append((truth.astype(np.float32), predicted.astype(np.float32), ids))
    found = evaluate([sample(str(index), *image, moving_ids=(2, 9))
                      for index, image in enumerate(images)], median_scaling=scaled)
    for part, image_count in (('movable', 4), ('moving', 3), ('static', 4)):
        each = [errors_by_loop(*image, (2, 9), part, scaled) for image in images]
        each = [errors for errors in each if errors is not None]
        assert found[f'{part}_images'] == len(each) == image_count
        for key in DEPTH_STYLES:
            expected = np.mean([errors[key] for errors in each])
            assert found[f'{part}_{key}'] == pytest.approx(expected, rel=1e-5), (part, key)
    assert found['movable_pixels'] == found['moving_pixels'] + found['static_pixels']


def test_figures_by_hand():
    """A moving car 2 m of 10 m too far, a parked one 1 m of 5 m, and the background."""
    item = sample('a', [[10., 5., 30.]], [[12., 6., 90.]], [[7, 8, 0]], moving_ids=[7])
    found = evaluate([item])
    assert found['moving_RMSE'] == pytest.approx(2) and found['static_RMSE'] == pytest.approx(1)
    assert found['movable_AbsRel'] == pytest.approx(.2)
    assert found['movable_SqRel'] == pytest.approx((4 / 10 + 1 / 5) / 2)
    assert [found[f'{part}_pixels'] for part in ('movable', 'moving', 'static')] == [2, 1, 1]


def test_parts_without_pixels_have_no_errors(monkeypatch):
    said = []
    monkeypatch.setattr(table_metric, 'print_log', lambda text, *_: said.append(text))
    found = evaluate([sample('a', [[10., 5.]], [[11., 5.]], [[3, 0]], moving_ids=[])])
    assert found['moving_images'] == found['moving_pixels'] == 0 and 'moving_AbsRel' not in found
    assert found['static_AbsRel'] == found['movable_AbsRel'] == pytest.approx(.1)
    rows = [line.split() for line in said[0].splitlines()]
    assert ['moving', '0', '0', *['-'] * len(DEPTH_STYLES)] in rows
    assert ['static', '1', '1', '0.1000'] in [row[:4] for row in rows]


def test_unknown_motion_counts_as_movable_only():
    known = sample('a', [[10.]], [[11.]], [[3]], moving_ids=[3])
    unknown = sample('b', [[10.]], [[13.]], [[3]])
    assert not [key for key in evaluate([unknown]) if key.startswith(('moving', 'static'))]
    found = evaluate([known, unknown])
    assert found['movable_AbsRel'] == pytest.approx(.2) and found['movable_images'] == 2
    assert found['moving_AbsRel'] == pytest.approx(.1) and found['moving_images'] == 1


def test_classes_restrict_the_instances():
    item = sample('a', [[10., 10., 10.]], [[11., 12., 14.]], [[1, 2, 3]], moving_ids=[1, 2],
                  instance_classes={1: 'Car', 2: 'Pedestrian'})
    assert evaluate([item])['movable_pixels'] == 3
    found = evaluate([item], classes=('Car', 'Van'))
    assert found['movable_pixels'] == found['moving_pixels'] == 1  # 3 has no class
    assert found['moving_AbsRel'] == pytest.approx(.1)
    assert evaluate([item], classes='Pedestrian')['movable_AbsRel'] == pytest.approx(.2)


def test_codes_of_classes():
    """Pixels below 1000 and of other class codes are background."""
    item = sample('a', [[10.] * 4], [[11., 12., 13., 14.]], [[26001, 24000, 7, 33003]])
    found = evaluate([item], class_codes={26: 'Car', 24: 'Pedestrian'})
    assert found['movable_pixels'] == 2 and found['movable_AbsRel'] == pytest.approx(.15)
    assert 'moving_images' not in found
    found = evaluate([item], class_codes={26: 'Car', 24: 'Pedestrian'}, classes=['Car'])
    assert found['movable_AbsRel'] == pytest.approx(.1)
    assert evaluate([item])['movable_pixels'] == 4  # without codes each id is an instance


def test_scale_of_the_whole_image():
    """Objects are twice as far as the rest says; a median of their own would hide that."""
    truth, ids = [[10., 10., 10., 10.]], [[0, 0, 0, 1]]
    found = evaluate([sample('a', truth, [[5., 5., 5., 10.]], ids)], median_scaling=True)
    assert found['movable_AbsRel'] == pytest.approx(1)


def test_part_of_the_protocol():
    truth, predicted = np.array([[2., 4., 0.]]), np.array([[3., 4., 9.]])
    protocol = DepthProtocol()
    assert protocol.errors(truth, predicted, 'a', np.array([[True, False, True]]))['AbsRel'] == .5
    assert protocol.errors(truth, predicted, 'a', np.array([[False, False, True]])) is None


def test_maps_may_be_pixel_data():
    item = sample('a', [[10.]], [[11.]], [[[3]]])
    item['gt_instance_map'] = dict(data=item['gt_instance_map'])
    assert evaluate([item])['movable_pixels'] == 1


@pytest.mark.parametrize('item, options, message', [
    (sample('a', None, [[1.]], [[1]]), {}, 'a.png: has no gt_depth_map .* add LoadDepthMap'),
    (sample('a', [[1.]], [[1.]], None), {}, 'a.png: has no gt_instance_map .* LoadClipInstances'),
    (sample('a', [[1.]], [[1.]], [[1, 1]]), {}, r'a: the size \(1, 2\) of the instance map'),
    (sample('a', [[1.]], [[math.nan]], [[1]]), {}, 'a: the prediction holds NaN'),
    (sample('a', [[1.]], [[1.]], [[1]]), dict(crop='nyu'), "a: crop 'nyu' does not fit"),
    (sample('a', [[1.]], [[1.]], [[1]]), dict(classes=['Car']), 'a: the classes of its instance'),
    (sample('a', [[1.]], [[1.]], [[0]], moving_ids=[]), {}, 'none of 1 images has a pixel of mov'),
    (sample('a', [[0.]], [[1.]], [[1]]), {}, 'none of 1 images has a pixel of movable instances')])
def test_invalid_samples(item, options, message):
    with pytest.raises(InputError, match=message):
        evaluate([item], **options)
