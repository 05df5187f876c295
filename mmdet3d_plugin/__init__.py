"""Monocular 3D object detection on OpenMMLab.

Importing this package is cheap and registers nothing; configs register the
parts they use through ``custom_imports`` (``configs/_base_/default_runtime.py``).
"""
__version__ = '0.1.0'
