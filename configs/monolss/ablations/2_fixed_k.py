# Gumbel-softmax, a fixed number of 20 locations
_base_ = './4_lss.py'
model = dict(object_head=dict(depth_head=dict(sample_selector=dict(
    _delete_=True, type='TopKSamples', k=20, tau=1.0, loss_factor=10.0))))
