#!/usr/bin/env python
"""Measure how similarities without labels agree with the classes, without training.

Usage: ``python tools/analysis/similarity.py CONFIG [CHECKPOINT]``
"""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.similarity import main

if __name__ == '__main__':
    run_command(main)
