#!/usr/bin/env python
"""Test a model: python tools/test.py CONFIG CHECKPOINT [options]."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('test.py')
