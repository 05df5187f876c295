#!/usr/bin/env python
"""Measure each loss's share of the gradient on the parts of a model.

Usage: ``python tools/analysis/gradient_shares.py CONFIG [CHECKPOINT]``
"""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.gradient_shares import main

if __name__ == '__main__':
    run_command(main)
