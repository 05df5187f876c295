#!/usr/bin/env python
"""Demo: render, train, evaluate, report and predict a clip: python tools/demo.py."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.demo import main
from mmdet3d_plugin.utils.processes import signals_passed_on

if __name__ == '__main__':
    with signals_passed_on():
        run_command(main)
