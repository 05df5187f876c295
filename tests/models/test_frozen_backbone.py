"""Backbones whose weights are not trained."""
import pytest
import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule

from mmdet3d_plugin.models.backbones import TimmBackbone
from mmdet3d_plugin.models.backbones.frozen_backbone import fold_batch_norms

NAME = 'mobilenetv3_small_050'


@MODELS.register_module()
class ToyBackbone(BaseModule):
    """1x1 convolution, batch norm and ReLU of one channel with constant weights."""

    def __init__(self, init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.convolution = nn.Conv2d(1, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(1, eps=0.)
        self.activation = nn.ReLU()

    def train(self, mode=True):
        """Change the mode, and return nothing, as backbones of mmdet do."""
        super().train(mode)

    def forward(self, images):
        return (self.activation(self.norm(self.convolution(images))),)


@pytest.fixture
def toy():
    frozen = MODELS.build(dict(type='FrozenBackbone', backbone=dict(
        type='ToyBackbone',
        init_cfg=[dict(type='Constant', layer='Conv2d', val=3.),
                  dict(type='Constant', layer='BatchNorm2d', val=2., bias=-5.)])))
    frozen.init_weights()
    return frozen


def test_folded_weights_are_those_of_the_initialised_backbone(toy):
    # 2 * 3 x - 5, then ReLU
    images = torch.tensor([[[[0.5, 1., 4.]]]])
    assert toy(images)[0].flatten().tolist() == [0., 1., 19.]
    assert {key: value.item() for key, value in toy.state_dict().items()} == {
        'body.convolution.weight': 6., 'body.convolution.bias': -5.}


def test_weights_and_mode_are_fixed(toy):
    toy.train()
    assert not toy.training and not toy.body.training
    images = torch.rand(2, 1, 4, 4, requires_grad=True)
    assert not toy(images)[0].requires_grad
    assert not any(parameter.requires_grad for parameter in toy.parameters())


def test_checkpoint_replaces_the_weights(toy):
    other = MODELS.build(dict(type='FrozenBackbone', backbone=dict(type='ToyBackbone')))
    other.load_state_dict(toy.state_dict())
    assert other(torch.ones(1, 1, 1, 1))[0].item() == 1.


def test_folding_keeps_the_feature_maps_of_a_model_of_timm():
    torch.manual_seed(0)
    backbone = TimmBackbone(NAME, out_indices=(0, 2))
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        backbone.train()(images)  # running statistics that are not trivial
        expected = backbone.eval()(images)
        fold_batch_norms(backbone)
        maps = backbone(images)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in backbone.modules())
    assert [level.shape[2:] for level in maps] == [(32, 48), (8, 12)]
    for level, reference in zip(maps, expected):
        torch.testing.assert_close(level, reference, rtol=1e-4, atol=1e-4)


def test_batch_norm_without_a_convolution_before_it_stays():
    layers = nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1), nn.ReLU(),
                           nn.BatchNorm2d(2)).eval()
    fold_batch_norms(layers)
    assert [type(layer) for layer in layers] == [
        nn.BatchNorm2d, nn.Conv2d, nn.ReLU, nn.BatchNorm2d]
