#!/usr/bin/env python
"""Demo: render, train, calibrate, evaluate, report and predict a clip: python tools/demo.py."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('demo.py')
