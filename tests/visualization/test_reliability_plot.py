"""Plot of the reliability of scores."""
import re

import numpy as np

from mmdet3d_plugin.benchmarks.score_reliability import ScoredDetections
from mmdet3d_plugin.visualization.colors import CURVE_COLORS
from mmdet3d_plugin.visualization.detection_plots import reliability_plot

FALSE_AND_TRUE = np.array([False, True])


def detections(name, scores, true_positives=FALSE_AND_TRUE):
    return ScoredDetections(name, np.array(scores), np.array(true_positives, dtype=bool))


def texts(svg):
    return re.findall(r'<text[^>]*>([^<]*)', svg)


def test_classes_with_scores_outside_0_to_1_are_left_out():
    low, high = detections('Bus', [-.1, .5]), detections('Tram', [.5, 1.1])
    assert reliability_plot({'run': [low, high]}) is None
    plot = reliability_plot({'run': [low, detections('Car', [0., 1.]), high]})
    assert 'Car' in plot and 'Bus' not in plot and 'Tram' not in plot


def test_one_run_has_a_color_per_class():
    svg = reliability_plot({'run': [detections('Car', [.25, .75]),
                                    detections('Cyclist', [.05, .85])]})
    # Errors: (.25 + .25) / 2 and (.05 + .15) / 2
    assert [text for text in texts(svg) if 'error' in text] == ['Car, error 0.250',
                                                                'Cyclist, error 0.100']
    assert {'precision', 'true positives', 'detections', 'calibrated'} <= set(texts(svg))
    assert 'run' not in texts(svg)
    assert [color in svg for color in CURVE_COLORS[:3]] == [True, True, False]


def curves(svg):
    """Return the colours of the curves with markers, and the heights of their points."""
    found = []
    for path, color in re.findall(
            r'<path d="([^"]*)"[^>]*style="fill: none; stroke: (#\w+); stroke-width: 1.6', svg):
        heights = [float(y) for _, y in re.findall(r'[ML] ([\d.]+) ([\d.]+)', path)]
        if len(heights) == 2 and heights[0] != heights[1]:  # not a line of the legend
            found.append((color, heights))
    return found


def test_runs_have_a_color_and_their_errors_in_one_line_of_the_legend():
    svg = reliability_plot({
        'A: <a>': [detections('Car', [.25, .75]), detections('Cyclist', [.05, .85])],
        'B: b': [detections('Car', [.45, .85]), detections('Cyclist', [], [])]})
    lines = [text for text in texts(svg) if 'error' in text]
    # Of B: (.45 + .15) / 2
    assert lines == ['A: &lt;a&gt;, error: Car 0.250, Cyclist 0.100', 'B: b, error: Car 0.300']
    assert texts(svg).count('precision') == 2  # panels
    found = curves(svg)
    assert [color for color, _ in found] == [CURVE_COLORS[0], CURVE_COLORS[1], CURVE_COLORS[0]]
    # Each has a point of precision 0 and one of precision 1, at the heights of the first curve.
    np.testing.assert_allclose([heights for _, heights in found], [found[0][1]] * 3)


def test_counts_of_runs_are_outlines():
    svg = reliability_plot({'A': [detections('Car', [.25, .75])],
                            'B': [detections('Car', [.45, .85])]})
    outlines = re.findall(
        r'style="fill: none; (stroke-dasharray: [^;]*; )?[^"]*?stroke: (#\w+)[^"]*'
        r'stroke-linejoin: miter', svg)
    assert [(color, bool(dashes)) for dashes, color in outlines] == [
        (CURVE_COLORS[run], is_dashed) for run in (0, 1) for is_dashed in (False, True)]


def test_a_class_with_detections_of_the_second_run_only_keeps_its_place():
    svg = reliability_plot({
        'A': [detections('Car', [], []), detections('Cyclist', [.05, .85])],
        'B': [detections('Car', [.25, .75]), detections('Cyclist', [], [])]})
    assert [text for text in texts(svg) if text in ('Car', 'Cyclist')] == ['Car', 'Cyclist']
    assert [color for color, _ in curves(svg)] == [CURVE_COLORS[1], CURVE_COLORS[0]]


def test_the_legend_of_runs_is_below_the_plots():
    svg = reliability_plot({name: [detections('Car', [.25, .75])] for name in 'AB'})
    heights = {text: float(y) for y, text in re.findall(
        r'translate\([\d.]+ ([\d.]+)\)[^>]*>([^<]*)</text>', svg)}
    heights.update({text: float(y) for y, text in re.findall(
        r' y="([\d.]+)"[^>]*>([^<]*)</text>', svg)})
    assert min(heights['A, error: Car 0.250'], heights['B, error: Car 0.250'],
               heights['true positives']) > heights['score']
