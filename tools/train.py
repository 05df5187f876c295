#!/usr/bin/env python
"""Train a model: python tools/train.py CONFIG [options]."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('train.py')
