#!/usr/bin/env python
"""The demo: renders frames, trains on them, evaluates, and writes a report."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.demo import main
from mmdet3d_plugin.utils.processes import signals_passed_on

if __name__ == '__main__':
    with signals_passed_on():
        run_command(main)
