#!/usr/bin/env python
"""Measure each loss's share of the gradient on the parts of a model.

Usage: ``python tools/analysis/gradient_shares.py CONFIG [CHECKPOINT]``
"""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('analysis/gradient_shares.py')
