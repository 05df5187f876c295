"""Feature maps in colours, by their principal components."""
import numpy as np

from .color_scales import UNKNOWN_COLOR
from .colors import to_bgr
from .principal_components import principal_components

COMPONENTS = 3  # red, green and blue
_PERCENTILES = (1, 99)  # of a component, shown as 0 and 255


def feature_colors(features: np.ndarray) -> np.ndarray:
    """Show the first three principal components of a feature map as red, green and blue.

    Each component is scaled by its own percentiles. The sign of a component makes its largest
    loading positive, so that equal features have equal colours. A component without variance
    is 128 everywhere. Cells with NaN or infinite features have ``UNKNOWN_COLOR``.

    Args:
        features: (C, H, W) features of one image.

    Returns:
        (H, W, 3) uint8, BGR.

    Example:
        >>> colors = feature_colors(np.array([[[0., 1.], [2., 3.]]]))
        >>> colors[..., 2].tolist()  # one channel has one component, shown as red
        [[0, 84], [171, 255]]
        >>> colors[..., 1].tolist()
        [[128, 128], [128, 128]]
    """
    channels, height, width = features.shape
    cells = features.reshape(channels, -1).T.astype(np.float64)
    known = np.isfinite(cells).all(axis=1)
    picture = np.full((height * width, COMPONENTS), to_bgr(UNKNOWN_COLOR), dtype=np.uint8)
    if known.any():
        picture[known] = 255 * _scaled_components(cells[known])[:, ::-1] + .5
    return picture.reshape(height, width, COMPONENTS)


def _scaled_components(cells: np.ndarray) -> np.ndarray:
    """Return the (N, 3) principal components of (N, C) features, scaled to [0, 1]."""
    scaled = np.full((len(cells), COMPONENTS), .5)
    for index, component in enumerate(principal_components(cells, COMPONENTS).T):
        low, high = np.percentile(component, _PERCENTILES)
        if high > low:
            scaled[:, index] = np.clip((component - low) / (high - low), 0, 1)
    return scaled
