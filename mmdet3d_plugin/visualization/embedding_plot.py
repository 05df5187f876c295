"""Embeddings of images in two dimensions."""
import io
from typing import List, Mapping, Optional, Sequence, Tuple

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from ..errors import InputError
from .colors import PANEL_BACKGROUND, PANEL_TEXT
from .principal_components import principal_components
from .thumbnails import thumbnail

EMBEDDING_FILE = 'embedding.png'
MIN_TSNE_POINTS = 10  # below, the first two principal components are used
MAX_LEGEND = 20  # classes; more have no legend
_COMPONENTS = 50  # principal components that t-SNE starts from
_PERPLEXITY = 30
_THUMBNAIL = 52  # pixels
_DPI = 120
# Ten colours, then the same colours with another marker.
_COLORS = ('#5b8def', '#ff9a1f', '#00d98b', '#ff5c93', '#b9a7ff', '#ffd84d', '#35d6e6', '#ff6b4a',
           '#a4d65e', '#d38bff')
_MARKERS = 'osD^vPX*<>'


def embedding_coordinates(embeddings: np.ndarray, seed: int = 0) -> np.ndarray:
    """Reduce embeddings to two dimensions.

    The first 50 principal components go through t-SNE (scikit-learn), which keeps near points
    near. Fewer than ten points, and points that are all equal, have their first two principal
    components instead. 2000 points take about 10 s.

    Args:
        embeddings: (N, D).
        seed: seed of t-SNE.

    Returns:
        (N, 2) float64.

    Raises:
        InputError: the embeddings are not a matrix of finite numbers.

    Example:
        >>> embedding_coordinates(np.array([[0., 0., 1.], [0., 0., 5.]])).tolist()
        [[-2.0, 0.0], [2.0, 0.0]]
    """
    embeddings = np.asarray(embeddings, dtype=np.float64)
    if embeddings.ndim != 2 or not np.isfinite(embeddings).all():
        raise InputError(f'embeddings: shape {embeddings.shape}; expected (N, D) finite numbers; '
                         'check the training for a diverging loss')
    count = len(embeddings)
    if not count:
        return np.zeros((0, 2))
    components = principal_components(embeddings, _COMPONENTS)
    if count < MIN_TSNE_POINTS or not components.any():
        return components[:, :2]
    from sklearn.manifold import TSNE  # takes a second to import
    tsne = TSNE(init='pca', perplexity=min(_PERPLEXITY, (count - 1) / 3), random_state=seed)
    return principal_components(tsne.fit_transform(components), 2)  # longest axis first


def spread_points(coordinates: np.ndarray, count: int) -> np.ndarray:
    """Choose points that are far apart, by farthest-point sampling from the first point.

    Args:
        coordinates: (N, 2).
        count: largest number of points.

    Returns:
        (min(count, N),) indices. Equal points are chosen once.

    Example:
        >>> spread_points(np.array([[0., 0.], [1., 0.], [9., 0.], [4., 0.]]), 3).tolist()
        [0, 2, 3]
    """
    chosen: List[int] = []
    nearest = np.full(len(coordinates), np.inf)
    while len(chosen) < min(count, len(coordinates)) and nearest.max() > 0:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(coordinates - coordinates[chosen[-1]],
                                                     axis=1))
    return np.array(chosen, dtype=int)


def embedding_plot(coordinates: np.ndarray, labels: np.ndarray, classes: Sequence[str],
                   thumbnails: Optional[Mapping[int, np.ndarray]] = None, title: str = '',
                   form: str = 'png') -> bytes:
    """Plot points in two dimensions, coloured by class.

    Colours repeat with another marker after ten classes. Up to 20 classes have a legend.

    Args:
        coordinates: (N, 2), as returned by :func:`embedding_coordinates`.
        labels: (N,) class index of each point.
        classes: class names, by label.
        thumbnails: (h, w, 3) uint8 BGR images by index of the point, drawn at the points.
        title: title of the plot.
        form: ``'png'`` or ``'svg'``.

    Returns:
        File content.

    Example:
        >>> points = np.random.default_rng(0).normal(size=(6, 2))
        >>> content = embedding_plot(points, np.arange(6) % 2, ('wren', 'gull'))
        >>> content[1:4]
        b'PNG'
    """
    with rc_context({'text.color': PANEL_TEXT, 'font.family': 'DejaVu Sans',
                     'svg.hashsalt': 'embedding'}):
        figure = Figure(figsize=(1240 / _DPI, 860 / _DPI), dpi=_DPI, layout='constrained',
                        facecolor=PANEL_BACKGROUND)
        axes = figure.add_subplot(facecolor=PANEL_BACKGROUND)
        axes.set_axis_off()
        axes.set_aspect('equal', adjustable='datalim')
        axes.set_title(f' {title}', loc='left', fontsize=11)
        present = np.unique(labels)
        size = float(np.clip(12000 / max(len(labels), 1), 9, 60))
        for order, label in enumerate(present):
            axes.scatter(*coordinates[labels == label].T, s=size, color=class_style(order)[0],
                         marker=class_style(order)[1], linewidths=0, alpha=.85,
                         label=classes[label])
        for index, image in (thumbnails or {}).items():
            color = class_style(int(np.searchsorted(present, labels[index])))[0]
            picture = OffsetImage(thumbnail(image, _THUMBNAIL, color)[..., ::-1],
                                  zoom=72 / _DPI)
            axes.add_artist(AnnotationBbox(picture, coordinates[index], frameon=False, pad=0))
        if 0 < len(present) <= MAX_LEGEND:
            figure.legend(loc='outside right upper', frameon=False, fontsize=8, markerscale=1.2)
        buffer = io.BytesIO()
        figure.savefig(buffer, format=form, **({'metadata': {'Date': None}} if form == 'svg'
                                               else {}))
    return buffer.getvalue()


def class_style(order: int) -> Tuple[str, str]:
    """Return colour and marker of the class at a position in the legend.

    Example:
        >>> class_style(0), class_style(10)
        (('#5b8def', 'o'), ('#5b8def', 's'))
    """
    return (_COLORS[order % len(_COLORS)],
            _MARKERS[order // len(_COLORS) % len(_MARKERS)])
