"""Hooks, loops, schedulers and optimiser wrappers; importing this registers them, and
loaders and writers of checkpoints that are safe."""
from . import acceleration, checkpoints, hooks, loops, optimizers, safe_loading  # noqa: F401
