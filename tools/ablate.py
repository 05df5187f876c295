#!/usr/bin/env python
"""Train a family of configs with several seeds and compare the results.

Usage: ``python tools/ablate.py CONFIGS --data synthetic --seeds 0 1 2 --out DIR``
"""
from mmdet3d_plugin.commands.ablate import main
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.utils.processes import signals_passed_on

if __name__ == '__main__':
    with signals_passed_on():
        run_command(main)
