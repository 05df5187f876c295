#!/usr/bin/env python
"""Train a family of configs with several seeds and compare the results.

Usage: ``python tools/ablate.py CONFIGS --data synthetic --seeds 0 1 2 --out DIR``
"""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('ablate.py')
