"""Bar chart of how similarities of several methods agree with the classes."""
import io
from typing import Sequence

import numpy as np
from matplotlib.figure import Figure

from .colors import ACCENT_COLOR, CLASS_COLORS


def similarity_plot(names: Sequence[str], means: Sequence[float], lows: Sequence[float],
                    highs: Sequence[float], title: str, highlighted: str = 'pieces') -> bytes:
    """Plot one bar per method with its interval, top to bottom.

    Args:
        names: (M,) names of the methods.
        means: (M,) correlation of each method; NaN draws no bar.
        lows, highs: (M,) ends of the intervals; NaN draws no interval.
        title: title of the plot.
        highlighted: methods with names that start with this text have another colour.

    Returns:
        PNG file content.

    Example:
        >>> content = similarity_plot(['pieces', 'k-means'], [.3, .2], [.28, .18], [.32, .22],
        ...                           'one batch')
        >>> content[1:4]
        b'PNG'
    """
    figure = Figure(figsize=(7.5, 0.42 * len(names) + 1.3), dpi=150, layout='constrained')
    panel = figure.subplots()
    places = np.arange(len(names))
    centres, low, high = (np.asarray(values, dtype=float) for values in (means, lows, highs))
    colors = [CLASS_COLORS['Car'] if name.startswith(highlighted) else ACCENT_COLOR
              for name in names]
    panel.barh(places, centres, color=colors, height=.68)
    panel.errorbar(centres, places, xerr=np.abs([centres - low, high - centres]), fmt='none',
                   ecolor='black', elinewidth=1, capsize=3)
    edges = np.where(np.isnan(high), centres, np.maximum(high, 0))
    for place, mean, edge in zip(places, centres, edges):
        if np.isfinite(mean):
            panel.annotate(f'{mean:.3f}', (edge, place), (5, 0), textcoords='offset points',
                           va='center', fontsize=8)
    panel.set_yticks(places, names)
    panel.invert_yaxis()
    panel.margins(x=.12)
    panel.axvline(0, color='black', linewidth=.8)
    panel.set_title(title, fontsize=9, loc='left')
    panel.set_xlabel('correlation with the same-class indicator, and 95 % interval of its mean',
                     fontsize=8)
    panel.grid(axis='x', alpha=.2)
    panel.spines[['top', 'right']].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()
