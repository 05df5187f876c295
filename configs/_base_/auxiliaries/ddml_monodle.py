# Auxiliaries of depth-discriminative metric learning for MonoDLE. Weight: the loss's gradient on
# backbone and neck is 0.3 of the depth loss's after a short training. Measured in
# monodle_both_synthetic with weight 0.1: 0.19 after 120 steps
# (docs/auxiliary_supervision.md#weight-of-the-metric-loss).
_base_ = './ddml.py'
quasi_isometric = dict(loss=dict(loss_weight=0.2))
