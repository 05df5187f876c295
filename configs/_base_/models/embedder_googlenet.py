# GoogLeNet with torchvision's ImageNet weights and the head of STML (Kim et al., CVPR 2022). The
# weights come from TensorFlow, hence the normalisation to [-1, 1].
model = dict(
    type='Embedder',
    data_preprocessor=dict(type='ViewsPreprocessor', mean=[.5] * 3, std=[.5] * 3),
    backbone=dict(
        type='TorchvisionBackbone',
        name='googlenet',
        nodes=['inception5b.cat'],
        init_cfg=dict(
            type='TorchvisionImageNetInit',
            checkpoint='https://download.pytorch.org/models/googlenet-1378be20.pth')),
    head=dict(type='EmbeddingHead', in_channels=1024, embed_dim=512),
    norm_eval=True)
