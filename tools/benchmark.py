#!/usr/bin/env python
"""Measure the speed of loading, training and inference: python tools/benchmark.py CONFIG."""
from mmdet3d_plugin.commands.benchmark import main
from mmdet3d_plugin.commands.command_line import run_command

if __name__ == '__main__':
    run_command(main)
