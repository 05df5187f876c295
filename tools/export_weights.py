#!/usr/bin/env python
"""Export the inference weights of a checkpoint: python tools/export_weights.py CHECKPOINT OUT."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('export_weights.py')
