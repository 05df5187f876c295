"""Size and content of the plot of an ablation."""
import cv2
import numpy as np

from mmdet3d_plugin.benchmarks.metric_style import MetricStyle
from mmdet3d_plugin.visualization.ablation_plot import ablation_plot

VALUES = [[10., 20., 36.], [12.3], []]


def test_plot_is_higher_with_more_rows():
    pictures = [cv2.imdecode(np.frombuffer(ablation_plot(
        ['1_none', '2_some', '3_failed'][:count], [MetricStyle('ap')], [VALUES[:count]]),
        np.uint8), cv2.IMREAD_COLOR) for count in (1, 3)]
    assert pictures[1].shape[0] > pictures[0].shape[0] > 100
    assert (pictures[1] != 255).any()
