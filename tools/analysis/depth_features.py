#!/usr/bin/env python
"""Analyse how features are ordered by depth.

Usage: ``python tools/analysis/depth_features.py CONFIG CHECKPOINT``
"""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('analysis/depth_features.py')
