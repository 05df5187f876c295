#!/usr/bin/env python
"""Depth error on other focal lengths: python tools/analysis/other_cameras.py CHECKPOINT."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('analysis/other_cameras.py')
