"""Base class of metrics that log a table."""
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log


class TableMetric(BaseMetric):
    """Metric that logs its figures as a table, so that the log of the run needs no other."""

    @staticmethod
    def log_table(table: str) -> None:
        """Log a table.

        Args:
            table: lines of the table.
        """
        print_log('\n' + table, 'current')
