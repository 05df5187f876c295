"""Model parts; importing this package registers them."""
from . import (backbones, data_preprocessors, dense_heads, detectors, losses,  # noqa: F401
               necks, roi_heads, task_modules)
