"""Model parts. Importing this package registers them."""
from . import (auxiliaries, backbones, data_preprocessors, decode_heads, dense_heads,  # noqa: F401
               depth_estimators, detectors, embedders, layers, losses, necks, object_heads,
               task_modules)
