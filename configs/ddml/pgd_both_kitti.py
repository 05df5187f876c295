# PGD on KITTI with the quasi-isometric loss and object-wise depth maps.
_base_ = ['../pgd/pgd_r101_kitti.py', '../_base_/auxiliaries/ddml.py']
model = dict(
    _delete_=True,
    type='AuxiliarySupervision',
    detector=_base_.model,
    feature='neck[0]',  # the finest level
    auxiliary=[_base_.quasi_isometric, {**_base_.object_depth, 'in_channels': 256}])
