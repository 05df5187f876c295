#!/usr/bin/env python
"""Write an HTML report of a training run: python tools/report.py WORK_DIR [options]."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.report import main

if __name__ == '__main__':
    run_command(main)
