#!/usr/bin/env python
"""Predict boxes or depth for own images: python tools/predict.py CHECKPOINT SOURCE [options]."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('predict.py')
