#!/usr/bin/env python
"""Export the inference weights of a checkpoint: python tools/export_weights.py CHECKPOINT OUT."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.export_weights import main

if __name__ == '__main__':
    run_command(main)
