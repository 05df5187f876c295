#!/usr/bin/env python
"""Render, check or convert data sets: python tools/create_data.py COMMAND [options]."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('create_data.py')
