"""Model parts; importing this package registers them."""
from . import (backbones, dense_heads, detectors, losses, necks, roi_heads,  # noqa: F401
               task_modules)
