"""Hooks, schedulers and optimiser wrappers; importing this registers them."""
from . import hooks, optimizers  # noqa: F401
