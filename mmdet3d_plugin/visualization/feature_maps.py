"""What a feature map tells apart, as colours."""
import numpy as np

from .color_scales import UNKNOWN_COLOR
from .colors import to_bgr

COMPONENTS = 3  # red, green and blue
_PERCENTILES = (1, 99)  # of a component, shown as its colour's darkest and brightest
_NO_VARIANCE = 1e-9  # of the first component's: such a component is rounding


def feature_colors(features: np.ndarray) -> np.ndarray:
    """The first three principal components of a map's features as red, green and blue.

    Each is scaled by its own percentiles. Its sign is that which makes its largest loading
    positive, so that equal features have equal colours. A component that does not vary is
    medium grey; cells with a value that is not finite are unknown.

    Args:
        features: (C, h, w).

    Returns:
        (h, w, 3) uint8, BGR.
    """
    channels, height, width = features.shape
    cells = features.reshape(channels, -1).T.astype(np.float64)
    known = np.isfinite(cells).all(axis=1)
    picture = np.full((height * width, COMPONENTS), to_bgr(UNKNOWN_COLOR), dtype=np.uint8)
    if known.any():
        picture[known] = 255 * _scaled_components(cells[known])[:, ::-1] + .5
    return picture.reshape(height, width, COMPONENTS)


def _scaled_components(cells: np.ndarray) -> np.ndarray:
    """(N, C) features to (N, 3) components in [0, 1], that of most variance first."""
    centred = cells - cells.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    variances, axes = variances[::-1][:COMPONENTS], axes[:, ::-1][:, :COMPONENTS]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    scaled = np.full((len(cells), COMPONENTS), .5)
    for index in np.flatnonzero(variances > _NO_VARIANCE * variances[0]):
        component = centred @ axes[:, index]
        low, high = np.percentile(component, _PERCENTILES)
        if high > low:
            scaled[:, index] = np.clip((component - low) / (high - low), 0, 1)
    return scaled
