"""Plot of the reliability of scores."""
import numpy as np

from mmdet3d_plugin.benchmarks.score_reliability import ScoredHits
from mmdet3d_plugin.visualization.detection_plots import reliability_plot

HITS = np.array([False, True])


def test_classes_with_scores_outside_0_to_1_are_left_out():
    low, high = (ScoredHits(name, np.array(scores), HITS)
                 for name, scores in (('Bus', [-.1, .5]), ('Tram', [.5, 1.1])))
    assert reliability_plot([low, high]) is None
    plot = reliability_plot([low, ScoredHits('Car', np.array([0., 1.]), HITS), high])
    assert 'Car' in plot and 'Bus' not in plot and 'Tram' not in plot
