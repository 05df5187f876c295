#!/usr/bin/env python
"""Test a model: python tools/test.py CONFIG CHECKPOINT [options]."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.test import main

if __name__ == '__main__':
    run_command(main)
