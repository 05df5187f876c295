#!/usr/bin/env python
"""Measure the speed of loading, training and inference: python tools/benchmark.py CONFIG."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('benchmark.py')
