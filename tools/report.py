#!/usr/bin/env python
"""Write an HTML report of a training run: python tools/report.py WORK_DIR [options]."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('report.py')
