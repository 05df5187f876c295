#!/usr/bin/env python
"""Train a model: python tools/train.py CONFIG [options]."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.train import main

if __name__ == '__main__':
    run_command(main)
