#!/usr/bin/env python
"""Convert a published checkpoint: python tools/import_checkpoint.py METHOD OFFICIAL OUT."""
from mmdet3d_plugin.cli.command_table import run_script

if __name__ == '__main__':
    run_script('import_checkpoint.py')
