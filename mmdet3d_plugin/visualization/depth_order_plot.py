"""Plot of feature distances against depth distances of objects."""
import io
from typing import Sequence

import numpy as np
from matplotlib.figure import Figure

from ..benchmarks.depth.object_errors import ObjectDepthErrors
from .colors import ACCENT_COLOR, CLASS_COLORS

_MAX_DOTS = 20000  # plotted pairs; more dots cover each other


def depth_order_plot(depth_distances: np.ndarray, feature_distances: np.ndarray, K: float,
                     B: float, epsilon: float, plane: np.ndarray, depths: np.ndarray,
                     errors: Sequence[ObjectDepthErrors], title: str) -> bytes:
    """Plot whether the descriptors of objects are ordered by depth.

    The three panels show the distances of object pairs with the quasi-isometric band, the
    descriptors in their principal plane coloured by depth, and the depth error by depth.

    Args:
        depth_distances: (P,) depth distances of object pairs, metres.
        feature_distances: (P,) distances of their descriptors.
        K, B, epsilon: parameters of the band; the band is drawn up to ``epsilon`` metres.
        plane: (N, 2) descriptors in their principal plane.
        depths: (N,) depths of the objects, metres.
        errors: one result per class, as returned by :func:`~.object_depth_errors`.
        title: title of the first panel.

    Returns:
        PNG file content.

    Example:
        >>> from mmdet3d_plugin.benchmarks.depth.object_errors import object_depth_errors
        >>> depths = np.array([5., 10., 30.])
        >>> distances = np.array([5., 25., 20.])
        >>> errors = [object_depth_errors([], [], 'Car')]
        >>> content = depth_order_plot(distances, .5 * distances, 2., 1., 10., np.eye(3)[:, :2],
        ...                            depths, errors, 'three cars')
        >>> content[1:4]
        b'PNG'
    """
    figure = Figure(figsize=(15, 4.6), dpi=120, layout='constrained')
    pairs, scatter, curve = figure.subplots(1, 3)
    shown = np.random.default_rng(0).permutation(len(depth_distances))[:_MAX_DOTS]
    pairs.plot(depth_distances[shown], feature_distances[shown], '.', markersize=1.5, alpha=.3,
               color=ACCENT_COLOR)
    reach = np.linspace(0, min(epsilon, depth_distances.max(initial=1.)), 50)
    pairs.fill_between(reach, np.maximum(reach / K - B, 0), K * reach + B,
                       color=CLASS_COLORS['Car'], alpha=.25,
                       label=f'band: K {K:g}, B {B:g}, epsilon {epsilon:g}')
    pairs.set(xlabel='depth distance (m)', ylabel='feature distance', title=title,
              ylim=(0, 1.15 * feature_distances.max(initial=1.)))
    pairs.legend(frameon=False, fontsize=8)
    dots = scatter.scatter(*plane.T, c=depths, s=9, cmap='viridis')
    figure.colorbar(dots, ax=scatter, label='depth (m)')
    scatter.set(title='descriptors in their principal plane', xticks=[], yticks=[])
    for result in errors:
        centers = (np.asarray(result.edges[:-1]) + np.asarray(result.edges[1:])) / 2
        curve.plot(centers, result.mean_errors, 'o-', markersize=4, label=result.class_name)
    curve.set(xlabel='depth (m)', ylabel='mean absolute depth error (m)',
              title='depth error of objects found', ylim=(0, None))
    curve.legend(frameon=False, fontsize=8)
    for panel in (pairs, scatter, curve):
        panel.spines[['top', 'right']].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()
