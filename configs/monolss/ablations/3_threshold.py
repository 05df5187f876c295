# Gumbel-softmax, locations of a probability of 0.01 or more
_base_ = './4_lss.py'
model = dict(object_head=dict(depth_head=dict(sample_selector=dict(
    _delete_=True, type='ThresholdSamples', threshold=0.01, tau=1.0, loss_factor=10.0))))
