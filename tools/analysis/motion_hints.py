#!/usr/bin/env python
"""Draw how a multi-frame depth estimator treats movable objects in training.

Usage: ``python tools/analysis/motion_hints.py CONFIG CHECKPOINT --out DIR``
"""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('analysis/motion_hints.py')
