# Gumbel-softmax, locations with a probability of at least 0.01
_base_ = './4_lss.py'
model = dict(object_head=dict(depth_head=dict(sample_selector=dict(
    _delete_=True, type='ThresholdSamples', threshold=0.01, tau=1.0, loss_factor=10.0))))
