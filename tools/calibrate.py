#!/usr/bin/env python
"""Calibrate the scores of a detector: python tools/calibrate.py CONFIG CHECKPOINT --out FILE."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('calibrate.py')
