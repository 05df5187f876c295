"""KITTI: label, calibration and split files, folder checks and the official AP."""
