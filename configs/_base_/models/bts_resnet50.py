# BTS (Lee et al., From Big to Small, 2019) with ResNet-50 and the sizes of the released code.
# 49.5 M parameters, including the unused classifier.
_base_ = './depth_estimator.py'

model = dict(
    backbone=dict(
        type='TorchvisionBackbone',
        name='resnet50',
        nodes=['relu', 'layer1', 'layer2', 'layer3', 'layer4'],
        # Released code: the first convolution and the batch norms are frozen.
        frozen=[r'conv1\.', r'.*bn\d\.'],
        init_cfg=dict(
            type='TorchvisionImageNetInit',
            checkpoint='https://download.pytorch.org/models/resnet50-0676ba61.pth')),
    decode_head=dict(
        type='BTSDecoder', in_channels=(64, 256, 512, 1024, 2048), channels=512,
        dilations=(3, 6, 12, 18, 24)))
