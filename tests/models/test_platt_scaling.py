"""Platt scaling: the module, the fit, and its place in CenterMono3D."""
import logging
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.logging import MMLogger
from tiny_training import TinyDLANet  # noqa: F401, registers the backbone

from mmdet3d_plugin.models.dense_heads.center_head_2d import Peaks
from mmdet3d_plugin.models.task_modules import PlattScaling, fit_platt_scaling


def scaling(scale, offset):
    """Return a Platt scaling of one class."""
    calibration = PlattScaling(1)
    calibration.scale[0], calibration.offset[0] = scale, offset
    return calibration


def labels_of(scores):
    return torch.zeros(len(scores), dtype=torch.long)


def test_a_new_scaling_returns_the_same_scores():
    scores = torch.cat([torch.rand(1000, generator=torch.Generator().manual_seed(0)),
                        torch.tensor([0., 1., 1e-45, 1e-30, 1 - 2 ** -24])])
    labels = torch.arange(len(scores)) % 3
    assert torch.equal(PlattScaling(3)(scores, labels), scores)
    assert PlattScaling(3)(scores[:0], labels[:0]).shape == (0, )


def test_odds_are_raised_to_the_scale_and_multiplied_per_class():
    calibration = PlattScaling(3)
    calibration.scale[1], calibration.offset[1] = 2., math.log(3)
    calibration.offset[2] = -math.log(4)
    scores = torch.tensor([.2, .2, .2, .5])
    # Odds 1/4, 3 * (1/4)^2 = 3/16, 1/16 and 1/4
    torch.testing.assert_close(calibration(scores, torch.tensor([0, 1, 2, 2])),
                               torch.tensor([.2, 3 / 19, 1 / 17, .2]))


def test_scores_stay_in_order_and_finite():
    scores = torch.cat([torch.tensor([0., 1e-30, 1e-8]), torch.linspace(.001, .999, 500),
                        torch.tensor([1.])])
    for scale, offset in ((.3, -2.), (1., 1e-3), (2.5, 1.)):
        calibrated = scaling(scale, offset)(scores, labels_of(scores))
        assert (calibrated.diff()[2:480] > 0).all() and (calibrated.diff() >= 0).all()
        assert (calibrated > 0).all() and (calibrated <= 1).all()


def test_a_logistic_law_is_recovered():
    rng = np.random.default_rng(0)
    scores = rng.uniform(.02, .4, 40_000)
    odds = math.exp(2.) * (scores / (1 - scores)) ** 1.5
    scale, offset = fit_platt_scaling(scores, rng.random(len(scores)) < odds / (1 + odds))
    assert scale == pytest.approx(1.5, abs=.05) and offset == pytest.approx(2., abs=.1)


def test_the_targets_of_the_fit_are_smoothed():
    """Two scores and two parameters: each score becomes the mean target of its detections.

    There are four true positives with target 5/6 and four false positives with target 1/6.
    """
    scores = np.repeat([.2, .8], 4)
    true_positives = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)
    # .2 -> (5 + 3) / 24 = 1/3, .8 -> 2/3
    scale, offset = fit_platt_scaling(scores, true_positives)
    assert scale == pytest.approx(math.log(2) / math.log(4), abs=1e-3)
    assert offset == pytest.approx(0, abs=1e-3)


def test_separable_scores_have_a_finite_fit():
    scores = np.array([0., .2, .2, .7, .7, 1.])
    scale, offset = fit_platt_scaling(scores, scores > .5)
    assert 0 < scale < 10 and abs(offset) < 10


@pytest.mark.parametrize('scores, true_positives, reason', [
    ([], [], 'no detections'), ([.2, .6], [1, 1], 'only true positives'),
    ([.2, .6], [0, 0], 'only false positives'),
    ([.2, .3, .7, .8], [1, 1, 0, 0], 'true positives score no higher'),
    ([.4, .4, .4], [1, 0, 0], 'all scores are equal')])
def test_scores_without_a_fit_stay_as_they_are(scores, true_positives, reason):
    messages = []
    logger, handler = MMLogger.get_current_instance(), logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger.addHandler(handler)
    try:
        assert fit_platt_scaling(np.array(scores), np.array(true_positives, dtype=bool),
                                 'Tram') == (1, 0)
    finally:
        logger.removeHandler(handler)
    message, = messages
    assert message.startswith(f'Tram: {reason}')


@pytest.fixture(scope='module')
def detector():
    model = Config.fromfile('configs/monolss/monolss_dla34_synthetic-demo.py').model
    model.backbone.type = 'TinyDLANet'
    model.neck.in_channels = (8, 16, 32, 64)
    model.dense_head.update(in_channels=8, hidden_channels=16)
    model.object_head.update(in_channels=8, hidden_channels=16)
    return MODELS.build(dict(model, score_calibration=dict(type='PlattScaling')))


def test_the_detector_calibrates_scores_before_the_threshold(detector):
    calibration = detector.score_calibration
    assert {key for key in detector.state_dict() if 'calibration' in key} == {
        'score_calibration.scale', 'score_calibration.offset'}
    assert len(calibration.scale) == 3
    peaks = Peaks(torch.zeros(3, dtype=torch.long), torch.tensor([0, 1, 1]),
                  torch.tensor([.5, .5, .4]), None)
    found = SimpleNamespace(confidences=torch.tensor([.4, .4, .25]),
                            boxes=SimpleNamespace(boxes_3d=torch.ones(3, 7)))
    detector.test_cfg.update(heatmap_threshold=0., score_threshold=.25)
    for detector.score_calibration in (None, calibration):
        scores, valid = detector.scores_of(peaks, found)
        assert torch.equal(scores, peaks.scores * found.confidences) and not valid.any()
    calibration.offset[1] = math.log(4.)
    scores, valid = detector.scores_of(peaks, found)
    # Odds 1/4 become 1, and 1/9 becomes 4/9.
    torch.testing.assert_close(scores, torch.tensor([.2, .5, 4 / 13]))
    assert valid.tolist() == [False, True, True]
