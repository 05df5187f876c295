"""Cityscapes: names of frames in sequences, cameras, stereo depth and the folder check."""
