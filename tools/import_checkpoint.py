#!/usr/bin/env python
"""Convert a published checkpoint: python tools/import_checkpoint.py METHOD OFFICIAL OUT."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.import_checkpoint import main

if __name__ == '__main__':
    run_command(main)
