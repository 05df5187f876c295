# DID-M3D on the synthetic set alone.
_base_ = '../didm3d/didm3d_dla34_synthetic.py'
