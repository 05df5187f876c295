#!/usr/bin/env python
"""Evaluate result files with the metrics of a benchmark: python tools/evaluate.py BENCHMARK."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('evaluate.py')
