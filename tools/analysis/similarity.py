#!/usr/bin/env python
"""Measure how similarities without labels agree with the classes, without training.

Usage: ``python tools/analysis/similarity.py CONFIG [CHECKPOINT]``
"""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('analysis/similarity.py')
