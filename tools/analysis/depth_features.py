#!/usr/bin/env python
"""Analyse how features are ordered by depth.

Usage: ``python tools/analysis/depth_features.py CONFIG CHECKPOINT``
"""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.depth_features import main

if __name__ == '__main__':
    run_command(main)
