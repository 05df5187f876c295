#!/usr/bin/env python
"""Predict boxes or depth for own images: python tools/predict.py CHECKPOINT SOURCE [options]."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.predict import main

if __name__ == '__main__':
    run_command(main)
