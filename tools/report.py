#!/usr/bin/env python
"""Writes a report of a run: python tools/report.py WORK_DIR [--data-root DIR --pred DIR]."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.report import main

if __name__ == '__main__':
    run_command(main)
