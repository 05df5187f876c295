#!/usr/bin/env python
"""Time of Predictor beside the model: python tools/analysis/predictor_speed.py CHECKPOINT."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('analysis/predictor_speed.py')
