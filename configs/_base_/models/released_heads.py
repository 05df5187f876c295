# Initial weights and weight decay in the released code of MonoDLE, GUPNet, DID-M3D and MonoLSS.
dense_init = dict(
    type='Normal', std=0.001, override=[dict(name='offset_2d'), dict(name='size_2d')])
# 3D head of GUPNet, DID-M3D and MonoLSS.
object_init = dict(type='Xavier', layer='Conv2d', distribution='uniform')
decayed_except_biases = dict(custom_keys={'.bias': dict(decay_mult=0.)})
