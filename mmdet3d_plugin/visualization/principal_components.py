"""Principal components of points."""
import numpy as np

_NO_VARIANCE = 1e-9  # share of the first component's variance; less is a rounding error


def principal_components(points: np.ndarray, count: int) -> np.ndarray:
    """Return coordinates of points along their directions of largest variance.

    The sign of a direction makes its largest loading positive, so that equal points have equal
    coordinates. A component without variance, or beyond the C dimensions, is zero.

    Args:
        points: (N, C), N > 0, finite.
        count: number of components.

    Returns:
        (N, count) float64, in order of decreasing variance.

    Example:
        >>> principal_components(np.array([[0., 0.], [3., 4.], [6., 8.]]), 2).round(6) + 0.
        array([[-5.,  0.],
               [ 0.,  0.],
               [ 5.,  0.]])
    """
    points = np.asarray(points, dtype=np.float64)
    centred = points - points.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    variances, axes = variances[::-1][:count], axes[:, ::-1][:, :count]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    components = np.zeros((len(points), count))
    kept = np.flatnonzero(variances > _NO_VARIANCE * variances[0])
    components[:, kept] = centred @ axes[:, kept]
    return components
