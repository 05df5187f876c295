#!/usr/bin/env python
"""Time of Predictor beside the model: python tools/analysis/predictor_speed.py CHECKPOINT."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.predictor_speed import main

if __name__ == '__main__':
    run_command(main)
