"""Runner that prints little to the terminal. Its log file in the work dir has everything."""
import logging
import re
from typing import Optional

from mmengine.logging import MMLogger
from mmengine.runner import Runner

# Starts of records that the log file alone has. The config is in the work dir, too.
FILE_ONLY = re.compile('|'.join([
    r'\n-+\nSystem environment:',
    'Config:\n',
    'Hooks will be executed in the following order:',
    'Distributed training is not used, all SyncBatchNorm',
    'paramwise_options -- ',  # several lines per parameter
    r'-+$',  # the frame of mmdet3d's report of a dataset
    'The number of instances per category in the dataset:',  # see report_training_set
]))
# Warnings of OpenMMLab about its own code.
SILENCED = re.compile('|'.join([
    '"FileClient" will be deprecated in future',
    '"HardDiskBackend" is the alias of "LocalBackend"',
]))


class TerminalRunner(Runner):
    """Runner that shows on the terminal what a user needs to follow a run."""

    def build_logger(self, log_level='INFO', log_file: Optional[str] = None,
                     **kwargs) -> MMLogger:
        """Build the logger, and leave long records out on the terminal."""
        logger = super().build_logger(log_level, log_file, **kwargs)
        logger.addFilter(lambda record: not SILENCED.match(record.getMessage()))
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(lambda record: not FILE_ONLY.match(record.getMessage()))
        return logger
