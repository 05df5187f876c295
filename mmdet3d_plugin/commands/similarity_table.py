"""Table of the quality of similarities, as Markdown and as values for JSON."""
import math
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from ..metric_learning.similarity_quality import Estimate, estimate

# Figures of each batch by method, in the order of the table.
Figures = Mapping[str, Sequence[Mapping[str, float]]]

TITLES = dict(pair_precision='pair precision')
INTERVALS = ('correlation', 'difference')  # columns with intervals


def summarize(figures: Figures) -> Dict[str, Dict[str, Estimate]]:
    """Return the mean of each figure over batches, and paired differences of correlations.

    Args:
        figures: figures of each batch by method, see
            :func:`~mmdet3d_plugin.metric_learning.similarity_quality.similarity_figures`.

    Returns:
        Method -> figure -> estimate; ``difference`` follows ``correlation``.

    Example:
        >>> found = summarize(dict(a=[dict(correlation=.5), dict(correlation=.7)],
        ...                        b=[dict(correlation=.4), dict(correlation=.6)]))
        >>> [round(value, 3) for value in found['b']['difference']]
        [-0.1, -0.1, -0.1, 2]
    """
    first = np.array([batch['correlation'] for batch in next(iter(figures.values()))])
    result = {}
    for name, batches in figures.items():
        columns = {key: [batch[key] for batch in batches] for key in batches[0]}
        correlation = columns.pop('correlation')
        result[name] = dict(correlation=estimate(correlation),
                            difference=estimate(np.array(correlation) - first))
        result[name].update({key: estimate(values) for key, values in columns.items()})
    return result


def markdown(summary: Mapping[str, Mapping[str, Estimate]]) -> str:
    """Return a summary as a Markdown table, one line per method.

    Example:
        >>> print(markdown(dict(a=dict(correlation=Estimate(.5, .4, .6, 9),
        ...                            purity=Estimate(.25, .2, .3, 9)))))
        | similarity | correlation | purity |
        |---|---|---|
        | a | 0.500 [0.400, 0.600] | 0.250 |
    """
    keys = list(next(iter(summary.values())))
    lines = [_line(['similarity', *(TITLES.get(key, key) for key in keys)]),
             '|' + '---|' * (len(keys) + 1)]
    for number, (name, found) in enumerate(summary.items()):
        cells = ['' if key == 'difference' and not number else _cell(key, found[key])
                 for key in keys]
        lines.append(_line([name, *cells]))
    return '\n'.join(lines)


def for_json(value: Any) -> Any:
    """Convert estimates to dicts and NaN to None, at any depth of dicts and lists."""
    if isinstance(value, Estimate):
        return for_json(value._asdict())
    if isinstance(value, Mapping):
        return {key: for_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [for_json(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _line(cells: List[str]) -> str:
    return f'| {" | ".join(cells)} |'


def _cell(key: str, found: Estimate) -> str:
    """Return a mean, with its interval in some columns; a dash for NaN."""
    if math.isnan(found.mean):
        return '–'
    text = f'{found.mean:.3f}'
    if key in INTERVALS and not math.isnan(found.low):
        text += f' [{found.low:.3f}, {found.high:.3f}]'
    return text
