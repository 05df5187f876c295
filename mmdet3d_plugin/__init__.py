"""Monocular 3D object detection and depth on OpenMMLab.

Importing this package is cheap and registers nothing; configs register the
parts they use through ``custom_imports`` (``configs/_base_/default_runtime.py``).
"""
from importlib import import_module
from typing import Any

__version__ = '0.1.0'

# Names that users import from here, and the modules that define them. They are imported at
# first use, because they need torch and OpenMMLab.
_PUBLIC = dict(load_model='.engine.load_model', Predictor='.prediction')
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(_PUBLIC[name], __name__), name)
