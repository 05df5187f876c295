#!/usr/bin/env python
"""Measures how fast a config loads, trains and predicts: python tools/benchmark.py CONFIG."""
from mmdet3d_plugin.commands.benchmark import main
from mmdet3d_plugin.commands.command_line import run_command

if __name__ == '__main__':
    run_command(main)
