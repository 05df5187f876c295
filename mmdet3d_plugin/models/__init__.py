"""Model parts; importing this package registers them."""
from . import (auxiliaries, backbones, data_preprocessors, dense_heads,  # noqa: F401
               depth_decoders, depth_estimators, detectors, layers, losses, necks, object_heads,
               task_modules)
