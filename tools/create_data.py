#!/usr/bin/env python
"""Makes, checks or converts data sets; see docs/data.md and docs/datasets.md."""
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.commands.create_data import main

if __name__ == '__main__':
    run_command(main)
