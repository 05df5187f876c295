"""Initialisation of weights without log."""
import logging

import torch.nn as nn
from mmengine.logging import MMLogger


def init_weights_silently(model: nn.Module) -> None:
    """Initialise weights without mmengine's log, which has a line per parameter."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        model.init_weights()
    finally:
        logger.setLevel(level)
