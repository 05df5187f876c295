# MonoCon on KITTI with the input of the authors' released code, for their checkpoints.
# The differences that remain are in docs/detectors.md. Convert with tools/import_checkpoint.py.
_base_ = './monocon_dla34_kitti.py'

# Released code: images keep their size. Half of the training images move by up to 32 pixels. The
# data preprocessor pads all images with the mean colour, KITTI's to 1248x384.
shift = dict(type='RandomShiftMono3D')
train_pipeline = [
    _base_.photometric,
    _base_.flip,
    _base_.object_filter,
    {**shift, 'prob': 0.5, 'max_shift': 32},
    _base_.pack,
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    shift,
    _base_.pack,
]
# Released code: depths are the divisor of the projection.
model = dict(coder=dict(projective_depth=True))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
