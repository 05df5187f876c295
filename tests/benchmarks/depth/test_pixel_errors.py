"""Depth errors of pixels by distance, against sums worked out by hand."""
import json

import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.depth.map_errors import DepthProtocol
from mmdet3d_plugin.benchmarks.depth.pixel_errors import PixelDepthErrors, read_pixel_errors
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.visualization.depth_plots import distance_error_plot

PROTOCOL = DepthProtocol(1e-3, 80.)


@pytest.fixture
def errors():
    """Bins of 10 m. The bin from 10 m has one pixel of each image."""
    errors = PixelDepthErrors.up_to(80.)
    errors.add(np.array([[10., 20., 0.]]), np.array([[11., 18., 7.]]), PROTOCOL)
    errors.add(np.array([[16., 90.]]), np.array([[12., 50.]]), PROTOCOL)
    return errors


def test_means_over_the_pixels_of_a_bin(errors):
    np.testing.assert_array_equal(errors.edges, np.arange(0, 81, 10))
    np.testing.assert_array_equal(errors.pixels, [0, 2, 1, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(errors.relative[:3], [np.nan, (.1 + .25) / 2, .1])
    np.testing.assert_allclose(errors.metres[:3], [np.nan, (1 + 4) / 2, 2])


def test_json_round_trip(errors, tmp_path):
    path = tmp_path / 'errors.json'
    assert read_pixel_errors(path) is None
    path.write_text(errors.to_json())
    read = read_pixel_errors(path)
    np.testing.assert_array_equal(read.edges, errors.edges)
    np.testing.assert_array_equal(read.sums, errors.sums)


@pytest.mark.parametrize('content', ['{', '[]', '{"edges": [0, 1]}', '"a"', json.dumps(
    dict(edges=[0, 1, 2], sums=[[1]])), json.dumps(dict(edges=[0], sums=['a'])),
    json.dumps(dict(edges=[0, 1, 1], sums=[[1, 1]] * 3)), '[' * 100_000,
    json.dumps(dict(edges=[0, 1, 1e31], sums=[[1, 1]] * 3)), '{"edges": [0, NaN], "sums": []}',
    json.dumps(dict(edges=[0, 1, 2], sums=[[1, -1]] * 3)),
    json.dumps(dict(edges=[0, 1, 2], sums=[[1, 10 ** 400]] * 3)),
    json.dumps(dict(edges=3, sums=[[1]] * 3)), json.dumps(dict(edges=[], sums=[]))])
def test_error_names_a_malformed_file(content, tmp_path):
    path = tmp_path / 'errors.json'
    path.write_text(content)
    with pytest.raises(InputError, match='errors.json:.* (holds no errors by dist|is no JSON)'):
        read_pixel_errors(path)


def test_plot_of_errors_by_distance(errors):
    svg = distance_error_plot(errors)
    assert '>mean relative error (%)</text>' in svg and '>true depth (m)</text>' in svg
    assert distance_error_plot(PixelDepthErrors.up_to(10.)) is None
