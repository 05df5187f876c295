# GUPNet on the synthetic set alone.
_base_ = '../gupnet/gupnet_dla34_synthetic.py'
