"""Depth: map files, splits, evaluation crops, and errors of depth maps and of objects.

A depth map is (H, W) float32, metres, 0 where the depth is unknown.
"""
