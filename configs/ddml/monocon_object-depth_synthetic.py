# MonoCon on the synthetic set with object-wise depth maps.
_base_ = ['../monocon/monocon_dla34_synthetic.py', '../_base_/auxiliaries/ddml.py']
model = dict(auxiliary=[
    *_base_.model.auxiliary,
    {**_base_.object_depth, 'in_channels': _base_.slim_channels[0]},
])
