#!/usr/bin/env python
"""Evaluate result files with the metrics of a benchmark: python tools/evaluate.py BENCHMARK."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.evaluate import main

if __name__ == '__main__':
    run_command(main)
