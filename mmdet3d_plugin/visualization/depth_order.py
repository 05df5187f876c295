"""Plots of how descriptors are ordered by depth."""
import io
from typing import Sequence

import numpy as np
from matplotlib.figure import Figure

from ..benchmarks.depth.object_errors import DepthErrors

_MAX_DOTS = 20000  # pairs in the plot; more make it darker, not clearer


def depth_order_plot(depth_distances: np.ndarray, feature_distances: np.ndarray, K: float,
                     B: float, epsilon: float, plane: np.ndarray, depths: np.ndarray,
                     errors: Sequence[DepthErrors], title: str) -> bytes:
    """PNG: distances of pairs with the (K, B) band, descriptors in their principal
    plane coloured by depth, and the depth error by distance.

    Args:
        depth_distances, feature_distances: (P,) of pairs; depths in metres.
        K, B, epsilon: of the band; it is drawn up to epsilon.
        plane: (N, 2) descriptors in their principal plane.
        depths: (N,) metres.
        errors: a result a class, as of :func:`~.depth_errors`.
    """
    figure = Figure(figsize=(15, 4.6), dpi=120, layout='constrained')
    pairs, scatter, curve = figure.subplots(1, 3)
    shown = np.random.default_rng(0).permutation(len(depth_distances))[:_MAX_DOTS]
    pairs.plot(depth_distances[shown], feature_distances[shown], '.', markersize=1.5, alpha=.3,
               color='#5b8def')
    reach = np.linspace(0, min(epsilon, depth_distances.max(initial=1.)), 50)
    pairs.fill_between(reach, np.maximum(reach / K - B, 0), K * reach + B, color='#ff9a1f',
                       alpha=.25, label=f'band: K {K:g}, B {B:g}, epsilon {epsilon:g}')
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
