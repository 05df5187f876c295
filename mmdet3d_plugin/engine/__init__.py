"""Parts of training and test runs: hooks, loops, optimisers, checkpoints, acceleration.

Importing this package registers them, replaces mmengine's loaders of checkpoints and YAML
files by loaders that execute no code, lets configs of any folder name shipped configs in
``_base_``, and lets mmdet3d's inferencers find the loading transforms of this project.
"""
from . import (  # noqa: F401
               acceleration,
               checkpoints,
               hooks,
               inferencer,
               loops,
               mlflow_backend,
               optimizers,
               safe_loading,
               shipped_bases,
               table_log_processor,
               training_camera,
               yaml_configs,
)
