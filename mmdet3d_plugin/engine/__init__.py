"""Parts of training and test runs: hooks, loops, optimisers, checkpoints, acceleration.

Importing this package registers them, and replaces mmengine's loaders of checkpoints by loaders
that execute no code.
"""
from . import acceleration, checkpoints, hooks, loops, optimizers, safe_loading  # noqa: F401
