#!/usr/bin/env python
"""Render, check or convert data sets: python tools/create_data.py COMMAND [options]."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.create_data import main

if __name__ == '__main__':
    run_command(main)
