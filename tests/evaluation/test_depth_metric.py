"""DepthMetric on samples as returned by models."""
import logging

import numpy as np
import pytest
import torch
from mmdet3d.registry import METRICS
from mmdet3d.structures import Det3DDataSample
from mmengine.structures import PixelData

from mmdet3d_plugin.benchmarks.depth.map_errors import DEPTH_STYLES
from mmdet3d_plugin.benchmarks.depth.map_files import read_depth_map
from mmdet3d_plugin.errors import InputError


def sample(frame, truth, predicted):
    """Data sample as the evaluator passes it, with (H, W) depth maps in metres."""
    item = Det3DDataSample(metainfo=dict(frame=frame, img_path=f'{frame}.png'))
    for key, depth in (('gt_depth_map', truth), ('pred_depth_map', predicted)):
        if depth is not None:
            item.set_field(PixelData(data=torch.tensor(depth, dtype=torch.float32)[None]), key,
                           dtype=PixelData)
    return item.to_dict()


def evaluate(samples, **options):
    metric = METRICS.build(dict(type='DepthMetric', **options))
    for item in samples:
        metric.process({}, [item])
    return metric.evaluate(len(samples))


def test_means_are_over_images():
    found = evaluate([sample('a', [[2., 4.]], [[2., 5.]]), sample('b', [[10., 0.]], [[12., 1.]])])
    assert list(found) == [f'depth/{key}' for key in DEPTH_STYLES]
    assert found['depth/AbsRel'] == pytest.approx((.125 + .2) / 2)
    assert found['depth/RMSE'] == pytest.approx((np.sqrt(.5) + 2) / 2)
    # 5 / 4 is not less than 1.25.
    assert found['depth/delta1'] == pytest.approx((.5 + 1) / 2)


def test_protocol_is_configured():
    truth, predicted = np.full((40, 60), 5.), np.full((40, 60), 10.)
    truth[0, 0] = 70.
    found = evaluate([sample('a', truth, predicted)], max_depth=8., crop='garg')
    assert found['depth/AbsRel'] == pytest.approx(3 / 5)  # clamped to 8 m
    found = evaluate([sample('a', truth, predicted)], crop=['garg'], median_scaling=True)
    assert found['depth/AbsRel'] == pytest.approx(0, abs=1e-6)


def test_caps_are_excluded_and_bound_the_prediction():
    truth = [[2., 2.5, 4., 8.]]
    found = evaluate([sample('a', truth, [[9., 2., 9., 9.]])], min_depth=2., max_depth=8.)
    # 2 m and 8 m do not count, and 9 m becomes 8 m.
    assert found['depth/AbsRel'] == pytest.approx((.5 / 2.5 + 4 / 4) / 2)
    found = evaluate([sample('a', [[4.]], [[1.]])], min_depth=2., max_depth=8.)
    assert found['depth/AbsRel'] == pytest.approx((4 - 2) / 4)


def test_the_table_counts_images_without_depth(caplog, monkeypatch):
    from mmdet3d_plugin.evaluation import table_metric
    said = []
    monkeypatch.setattr(table_metric, 'print_log', lambda text, *args: said.append(text))
    with caplog.at_level(logging.INFO):
        found = evaluate([sample('a', [[2.]], [[3.]]), sample('b', [[0.]], [[3.]])])
    assert found['depth/AbsRel'] == pytest.approx(.5)
    assert '1 images without such depth are left out, the first one: b' in said[0]


def test_predictions_are_written_under_the_frame_name(tmp_path):
    predicted = [[3., 0.], [80., 7.123]]
    evaluate([sample('drive/data/07', [[2., 2.], [2., 2.]], predicted)],
             result_dir=str(tmp_path / 'out'), result_scale=500.)
    found = read_depth_map(tmp_path / 'out/drive/data/07.png', 500.)
    np.testing.assert_allclose(found, predicted, atol=1e-3)


@pytest.mark.parametrize('item, options, message', [
    (sample('a', None, [[1.]]), {}, 'a.png: has no depth map to evaluate against; add LoadDepth'),
    (sample('a', [[1., 1.]], [[1.]]), {}, "a: the prediction's size"),
    (sample('a', [[1.]], [[float('nan')]]), {}, 'a: the prediction holds NaN'),
    (sample('a', [[0.]], [[1.]]), {}, 'none of 1 images has a true depth'),
    (sample('../a', [[1.]], [[1.]]), dict(result_dir='out'), 'is no name of a file inside')])
def test_error_names_samples_without_valid_depth(item, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        evaluate([item], **options)
    assert not list(tmp_path.rglob('*.png'))
