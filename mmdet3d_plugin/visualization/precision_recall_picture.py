"""PNG picture of precision-recall curves, for ``tools/evaluate.py``."""
import io
import math
from typing import Mapping, Tuple

import numpy as np
from matplotlib.figure import Figure

COLUMNS = 3  # panels per row


def precision_recall_picture(
        panels: Mapping[str, Mapping[str, Tuple[np.ndarray, np.ndarray]]]) -> bytes:
    """Plot precision over recall, with one panel per title and one line per curve.

    Args:
        panels: (R,) recalls and (R,) precisions, each 0-1, by title and name of the curve.

    Returns:
        PNG file content.

    Example:
        >>> curve = np.array([0., .5, 1.]), np.array([1., .8, .4])
        >>> precision_recall_picture({'Vehicle': {'LEVEL_1': curve}})[1:4]
        b'PNG'
    """
    rows = math.ceil(len(panels) / COLUMNS)
    figure = Figure(figsize=(3.6 * COLUMNS, 2.9 * rows), dpi=130, layout='constrained')
    axes = np.atleast_1d(figure.subplots(rows, COLUMNS, sharex=True, sharey=True)).flat
    for (title, curves), panel in zip(panels.items(), axes):
        for name, (recalls, precisions) in curves.items():
            order = np.argsort(recalls, kind='stable')
            panel.plot(recalls[order], precisions[order], marker='.', markersize=3,
                       linewidth=1.2, label=name)
        panel.set_title(title, fontsize=9, loc='left')
        panel.set(xlim=(0, 1), ylim=(0, 1.03), xlabel='recall', ylabel='precision')
        panel.grid(alpha=.2)
        panel.legend(fontsize=7, frameon=False)
        panel.spines[['top', 'right']].set_visible(False)
    for unused_panel in list(axes):
        unused_panel.set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()
