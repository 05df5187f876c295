#!/usr/bin/env python
"""Draw how a multi-frame depth estimator treats movable objects in training.

Usage: ``python tools/analysis/motion_hints.py CONFIG CHECKPOINT --out DIR``
"""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.motion_hints import main

if __name__ == '__main__':
    run_command(main)
