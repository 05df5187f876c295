#!/usr/bin/env python
"""Evaluates result files with the benchmarks' measures."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.evaluate import main

if __name__ == '__main__':
    run_command(main)
