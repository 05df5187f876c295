"""Presentation of the metrics of dense depth."""
from ..metric_style import MetricStyle


def _depth_style(name: str, unit: str, decimals: int, better: str) -> MetricStyle:
    return MetricStyle(name, unit, decimals, better, from_zero=False)
# Names and decimals of the papers' tables, whose methods differ by few percent.
DEPTH_STYLES = {
    'AbsRel': _depth_style('AbsRel', 'share of the true depth', 4, '↓'),
    'SqRel': _depth_style('SqRel, m', 'm', 3, '↓'),
    'RMSE': _depth_style('RMSE, m', 'm', 3, '↓'),
    'RMSElog': _depth_style('RMSElog', 'natural logarithm', 4, '↓'),
    'log10': _depth_style('log10', 'decimal logarithm', 4, '↓'),
    'delta1': _depth_style('δ < 1.25', 'share of the pixels', 4, '↑'),
    'delta2': _depth_style('δ < 1.25²', 'share of the pixels', 4, '↑'),
    'delta3': _depth_style('δ < 1.25³', 'share of the pixels', 4, '↑'),
}
