"""Model parts. Importing this package registers them."""
from . import (  # noqa: F401
               auxiliaries,
               backbones,
               data_preprocessors,
               decode_heads,
               dense_heads,
               depth_estimators,
               detectors,
               embedders,
               layers,
               losses,
               necks,
               object_heads,
               task_modules,
)
