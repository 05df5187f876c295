#!/usr/bin/env python
"""Converts published checkpoints: python tools/import_checkpoint.py monolss OFFICIAL OUT."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.import_checkpoint import main

if __name__ == '__main__':
    run_command(main)
