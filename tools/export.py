#!/usr/bin/env python
"""Export a trained model for other runtimes: python tools/export.py onnx CHECKPOINT OUT.onnx."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.export import main

if __name__ == '__main__':
    run_command(main)
