# Initialisations of SlimDLANet from the trainings of configs/pretraining/encoders, one encoder per
# method for all seeds of the fine-tuning.
crops_encoder = dict(
    type='EncoderInit',
    checkpoint='work_dirs/pretraining_encoders/encoder_crops_synthetic/seed_0/epoch_30.pth',
    prefix='encoder.backbone.')
clips_encoder = dict(
    type='EncoderInit',
    checkpoint='work_dirs/pretraining_encoders/encoder_clips_synthetic/seed_0/epoch_1.pth',
    # The network of single images, as the detector is one.
    prefix='teacher.backbone.')
depth_encoder = dict(
    type='EncoderInit',
    checkpoint='work_dirs/pretraining_encoders/encoder_depth_synthetic/seed_0/epoch_12.pth',
    prefix='backbone.')
