# Image normalisation with the mean and standard deviation of ImageNet.
model = dict(
    data_preprocessor=dict(
        type='UnitRangePreprocessor',
        mean=[0.485, 0.456, 0.406],
        std=[0.229, 0.224, 0.225],
        bgr_to_rgb=True,
        pad_size_divisor=32))
