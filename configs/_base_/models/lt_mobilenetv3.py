# LT, the light UNet of MetricDepth (section IV-C): MobileNetV3-Large, a decode head of upsampling,
# convolutions, leaky ReLU and skip connections, and one prediction layer. The channels of the
# decode head are this project's: the paper gives none.
_base_ = './depth_estimator.py'

model = dict(
    backbone=dict(
        type='TorchvisionBackbone',
        name='mobilenet_v3_large',
        # The finest map of each stride, 2 to 32.
        nodes=['features.1', 'features.3', 'features.6', 'features.12', 'features.16'],
        init_cfg=dict(
            type='TorchvisionImageNetInit',
            checkpoint='https://download.pytorch.org/models/mobilenet_v3_large-8738ca79.pth')),
    decode_head=dict(
        type='LTDecoder', in_channels=(16, 24, 40, 112, 960), channels=(256, 128, 64, 32)))
