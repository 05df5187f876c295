# Initialisations of SlimDLANet from the trainings of configs/pretraining/encoders. A row of
# `tools/ablate.py` with seed S starts from the encoder that was trained with seed S.
crops_encoder = dict(
    type='EncoderInit',
    checkpoint='work_dirs/pretraining_encoders/encoder_crops_synthetic/'
               'seed_{{$ABLATION_SEED:0}}/epoch_30.pth',
    prefix='encoder.backbone.')
clips_encoder = dict(
    type='EncoderInit',
    checkpoint='work_dirs/pretraining_encoders/encoder_clips_synthetic/'
               'seed_{{$ABLATION_SEED:0}}/epoch_1.pth',
    # The network of single images, as the detector is one.
    prefix='teacher.backbone.')
depth_encoder = dict(
    type='EncoderInit',
    checkpoint='work_dirs/pretraining_encoders/encoder_depth_synthetic/'
               'seed_{{$ABLATION_SEED:0}}/epoch_12.pth',
    prefix='backbone.')
