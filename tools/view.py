#!/usr/bin/env python
"""Show predictions for own images in 3D, in a browser: python tools/view.py SOURCE [options]."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('view.py')
