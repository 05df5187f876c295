"""Bar chart of similarities."""
import math

import cv2
import numpy as np
import pytest

from mmdet3d_plugin.visualization.similarity_plot import similarity_plot

ORANGE = (31, 154, 255)  # BGR
BLUE = (239, 141, 91)


def count(picture, color):
    return int((np.abs(picture.astype(int) - color).max(axis=2) < 6).sum())


def draw(names, means):
    content = similarity_plot(names, means, [mean - .02 for mean in means],
                              [mean + .02 for mean in means], 'title')
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def test_lengths_of_bars_are_proportional_to_the_correlations():
    picture = draw(['pieces (each)', 'k-means'], [.3, .15])
    assert count(picture, ORANGE) == pytest.approx(2 * count(picture, BLUE), rel=.06)


def test_methods_without_a_correlation_have_no_bar():
    picture = draw(['pieces', 'k-means'], [.3, math.nan])
    assert count(picture, BLUE) == 0 and count(picture, ORANGE) > 1000
