"""Log of a validation with its figures in tables."""
import re
from typing import Any, Dict, Tuple

from mmengine.registry import LOG_PROCESSORS
from mmengine.runner import LogProcessor, Runner

from ..evaluation.table_metric import TableMetric

HEADER = re.compile(r'\w+\(\w+\) (\[\d+\])*\[\d+/\d+\]')  # such as Epoch(val) [3][40/40]


@LOG_PROCESSORS.register_module()
class TableLogProcessor(LogProcessor):
    """LogProcessor that prints one figure of a validation or test per line.

    Figures of a :class:`TableMetric` are left out, since the metric logs a table of its own.
    All figures go to ``scalars.json`` and to the other visualisation backends.
    """

    def get_log_after_epoch(self, runner: Runner, batch_idx: int, mode: str,
                            with_non_scalar: bool = False) -> Tuple[Dict[str, Any], str]:
        """Return all figures of a validation or test, and the text to log."""
        tag, line = super().get_log_after_epoch(runner, batch_idx, mode, with_non_scalar)
        evaluator = (runner.val_loop if mode == 'val' else runner.test_loop).evaluator
        tables = tuple(f'{metric.prefix}/' for metric in evaluator.metrics
                       if isinstance(metric, TableMetric))
        figures, times = {}, []
        for name, value in tag.items():
            key = self._remove_prefix(name, f'{mode}/')
            text = f'{value:.{self.num_digits}f}' if isinstance(value, float) else f'{value}'
            if key in ('time', 'data_time'):
                times.append(f'{key}: {text}')
            elif not key.startswith(tables):
                figures[key] = text
        width = max(map(len, figures), default=0)
        rows = [f'{name:{width}}  {text}' for name, text in figures.items()]
        header = HEADER.match(line)
        return tag, '\n'.join(['  '.join([header.group() if header else line, *times]), *rows])
