#!/usr/bin/env python
"""Export a trained model for other runtimes: python tools/export.py onnx CHECKPOINT OUT.onnx."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('export.py')
