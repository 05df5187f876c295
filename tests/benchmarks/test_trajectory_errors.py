"""Trajectory errors of known trajectories, and their invariances."""
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from mmdet3d_plugin.benchmarks.trajectory_errors import (
    aligned_error,
    camera_positions,
    rotation_errors,
    trajectory_errors,
)


def random_motions(seed, count=9):
    rng = np.random.default_rng(seed)
    motions = np.tile(np.eye(4), (count, 1, 1))
    motions[:, :3, :3] = Rotation.from_rotvec(rng.normal(0, .1, (count, 3))).as_matrix()
    motions[:, :3, 3] = rng.normal((0, 0, 1), .3, (count, 3))
    return motions


def scaled(motions, factor):
    motions = motions.copy()
    motions[:, :3, 3] *= factor
    return motions


def test_quarter_turns_close_a_square():
    """Each step goes 1 m ahead and turns by 90 degrees, so the fifth position is the first."""
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler('y', 90, degrees=True).as_matrix()
    turn[:3, 3] = 0., 0., 1.
    positions = camera_positions(np.stack([turn] * 4))
    expected = [(0, 0, 0), (0, 0, 1), (1, 0, 1), (1, 0, 0), (0, 0, 0)]
    np.testing.assert_allclose(positions, expected, atol=1e-12)


def test_errors_equal_a_search_over_the_scale():
    true, found = random_motions(0), random_motions(1)
    errors = trajectory_errors(true, found)
    assert len(errors) == 6  # ten frames
    for start, error in enumerate(errors):
        one = camera_positions(true[start:start + 4])
        other = camera_positions(found[start:start + 4])

        def rmse(scale, one=one, other=other):
            return np.sqrt(np.mean(np.sum((scale * other - one) ** 2, axis=1)))

        assert error == pytest.approx(minimize_scalar(rmse).fun, rel=1e-6)
    np.testing.assert_allclose(trajectory_errors(true, found, published=True),
                               errors / np.sqrt(5))


def test_scale_of_the_prediction_does_not_matter():
    true, found = random_motions(2), random_motions(3)
    np.testing.assert_allclose(trajectory_errors(true, scaled(found, .01)),
                               trajectory_errors(true, found))
    np.testing.assert_allclose(trajectory_errors(scaled(true, 3.), found),
                               3 * trajectory_errors(true, found))
    np.testing.assert_allclose(trajectory_errors(true, scaled(true, 7.)), 0, atol=1e-12)


def test_snippets_do_not_depend_on_each_other():
    """A wrong motion between frames 4 and 5 of ten leaves the snippet 5 to 9 without error."""
    true = random_motions(4)
    found = true.copy()
    found[4, :3, 3] += 2.
    errors = trajectory_errors(true, found)
    assert (errors[:1] < 1e-12).all() and (errors[1:5] > .1).all() and (errors[5:] < 1e-12).all()


def test_error_without_predicted_motion():
    true = np.array([[0., 0., 0.], [3., 0., 4.]])
    assert aligned_error(true, np.zeros((2, 3))) == pytest.approx(5 / np.sqrt(2))
    assert aligned_error(true, np.zeros((2, 3)), published=True) == pytest.approx(5 / 2)


@pytest.mark.parametrize('count, snippets', [(0, 0), (3, 0), (4, 1), (5, 2)])
def test_number_of_snippets(count, snippets):
    motions = random_motions(5, count)
    assert len(trajectory_errors(motions, motions)) == snippets


def test_rotation_errors():
    true = random_motions(6, 4)
    angles = np.array([0., 1e-6, 35., 180.])
    found = true.copy()
    for motion, angle in zip(found, angles):
        motion[:3, :3] = motion[:3, :3] @ Rotation.from_rotvec(
            np.radians(angle) * np.array([.6, 0., .8])).as_matrix()
    np.testing.assert_allclose(rotation_errors(true, found), angles, atol=1e-9)
