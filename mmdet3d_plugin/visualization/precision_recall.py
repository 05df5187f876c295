"""Precision over recall, as a picture of panels."""
import io
import math
from typing import Mapping, Tuple

import numpy as np
from matplotlib.figure import Figure

COLUMNS = 3


def precision_recall_picture(
        panels: Mapping[str, Mapping[str, Tuple[np.ndarray, np.ndarray]]]) -> bytes:
    """PNG with a panel a title, each with curves by name.

    Args:
        panels: by title and name, (R,) recalls and (R,) precisions in [0, 1].
    """
    rows = math.ceil(len(panels) / COLUMNS)
    figure = Figure(figsize=(3.6 * COLUMNS, 2.9 * rows), dpi=130, layout='constrained')
    axes = np.atleast_1d(figure.subplots(rows, COLUMNS, sharex=True, sharey=True)).flat
    for panel, (title, curves) in zip(axes, panels.items()):
        for name, (recalls, precisions) in curves.items():
            order = np.argsort(recalls, kind='stable')
            panel.plot(recalls[order], precisions[order], marker='.', markersize=3,
                       linewidth=1.2, label=name)
        panel.set_title(title, fontsize=9, loc='left')
        panel.set(xlim=(0, 1), ylim=(0, 1.03), xlabel='recall', ylabel='precision')
        panel.grid(alpha=.2)
        panel.legend(fontsize=7, frameon=False)
        panel.spines[['top', 'right']].set_visible(False)
    for panel in list(axes):
        panel.set_visible(False)  # what is left of the grid
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()
