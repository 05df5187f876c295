"""Torchvision backbones of the depth estimators."""
import copy

import pytest
import torch
from mmdet3d.registry import MODELS
from torchvision.models import get_model

from mmdet3d_plugin.errors import InputError

NODES = dict(
    mobilenet_v3_large=['features.1', 'features.3', 'features.6', 'features.12', 'features.16'],
    resnet50=['relu', 'layer1', 'layer2', 'layer3', 'layer4'])
CHANNELS = dict(mobilenet_v3_large=(16, 24, 40, 112, 960), resnet50=(64, 256, 512, 1024, 2048))


def build(name='resnet50', **kwargs):
    return MODELS.build(dict(type='TorchvisionBackbone', name=name, nodes=NODES[name], **kwargs))


@pytest.mark.parametrize('name', NODES)
def test_maps_have_strides_2_to_32(name):
    backbone = build(name)
    maps = backbone(torch.randn(2, 3, 64, 96))
    assert [item.shape[1] for item in maps] == list(CHANNELS[name])
    assert [tuple(item.shape[2:]) for item in maps] == [
        (64 // stride, 96 // stride) for stride in (2, 4, 8, 16, 32)]
    sum(item.mean() for item in maps).backward()
    assert all(weight.grad is not None for weight in backbone.parameters())


@pytest.mark.parametrize('name', NODES)
def test_public_weights_initialise_every_entry(name, tmp_path):
    """The last map equals the input of the pooling in torchvision's own model."""
    public = get_model(name, weights=None)
    torch.save(public.state_dict(), tmp_path / 'public.pth')
    backbone = build(name, init_cfg=dict(type='TorchvisionImageNetInit',
                                         checkpoint=str(tmp_path / 'public.pth')))
    backbone.init_weights()
    image = torch.randn(1, 3, 64, 64)
    pooled = []
    public.avgpool.register_forward_hook(
        lambda module, inputs, output: pooled.append(inputs[0]))
    public.eval()(image)
    torch.testing.assert_close(backbone.eval()(image)[-1], pooled[0], rtol=0, atol=0)


def test_weights_of_another_network_and_failed_downloads_raise(tmp_path):
    torch.save(get_model('resnet18', weights=None).state_dict(), tmp_path / 'other.pth')
    for file, message in [('other.pth', 'other.pth: not the weights'),
                          ('absent.pth', 'absent.pth: cannot load.*init_cfg=None')]:
        init = dict(type='TorchvisionImageNetInit', checkpoint=str(tmp_path / file))
        with pytest.raises(InputError, match=message):
            build(init_cfg=init).init_weights()


def test_frozen_parameters_are_not_trained():
    """As in BTS: the stem and all batch norms except those of the shortcuts."""
    backbone = build(frozen=[r'conv1\.', r'.*bn\d\.'])
    frozen = {name for name, weight in backbone.named_parameters() if not weight.requires_grad}
    # One convolution; weight and bias of the stem's norm and of three norms in 16 blocks.
    assert len(frozen) == 1 + 2 * (1 + 3 * 16)
    assert 'body.conv1.weight' in frozen and 'body.layer2.0.bn3.bias' in frozen
    assert 'body.layer2.0.downsample.1.weight' not in frozen


def test_deep_copies_switch_between_training_and_evaluation():
    backbone = copy.deepcopy(build('mobilenet_v3_large'))
    image = torch.randn(2, 3, 32, 32)
    training = backbone(image)[-1]
    assert not torch.equal(backbone.eval()(image)[-1], training)


@pytest.mark.parametrize('settings, message', [
    (dict(name='resnet51', nodes=['relu']), 'resnet51'),
    (dict(name='FCN_ResNet50', nodes=['backbone']), 'no classifier'),
    (dict(name='resnet50', nodes=['layer9']), 'layer9')])
def test_unknown_models_and_nodes_raise(settings, message):
    with pytest.raises(InputError, match=message):
        MODELS.build(dict(type='TorchvisionBackbone', **settings))
