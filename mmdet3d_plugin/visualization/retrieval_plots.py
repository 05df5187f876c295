"""Plots of the report of an embedder."""
import re
from typing import Iterable, List, Mapping, Optional

from ..benchmarks.metric_style import without_prefix
from .report_plots import Rows, validation_plot_of

MAP_AT_R = 'mAP@R'


def recall_keys(keys: Iterable[str]) -> List[str]:
    """Return the names of Recall@k among names of metrics, by increasing k.

    Example:
        >>> recall_keys(['R@10', 'mAP@R', 'R@2', 'R@1'])
        ['R@1', 'R@2', 'R@10']
    """
    return sorted((key for key in keys if re.fullmatch(r'R@\d+', key)),
                  key=lambda key: int(key[2:]))


def retrieval_validation_plot(runs: Mapping[str, Rows]) -> Optional[str]:
    """Plot Recall@k and mAP@R over the course of training.

    Args:
        runs: lines of the training log of each run, by name, with keys such as
            ``'retrieval/R@1'``.

    Returns:
        SVG, or None if there are less than two validations.

    Example:
        >>> rows = [{'step': step, 'retrieval/R@1': 30. + step} for step in (1, 2)]
        >>> retrieval_validation_plot({'run': rows})[:4]
        '<svg'
        >>> retrieval_validation_plot({'run': rows[:1]})
    """
    names = {key for rows in runs.values() for row in rows for key in without_prefix(row)}
    return validation_plot_of(runs, {'Recall@k (%)': recall_keys(names),
                                     'mAP@R (%)': [MAP_AT_R]})
