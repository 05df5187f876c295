"""Files with weights of lower precision."""
import numpy as np
import onnx
import pytest
import torch
from torch import nn

from mmdet3d_plugin.export import REDUCTIONS, load_session

NAMES = {onnx.TensorProto.FLOAT: 'fp32', onnx.TensorProto.FLOAT16: 'fp16'}


class Network(nn.Module):
    """A backbone with small and with huge weights, and a head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Conv2d(3, 16, 3)
        self.huge = nn.Conv2d(16, 16, 3)
        self.object_head = nn.Conv2d(16, 16, 3)
        with torch.no_grad():
            self.huge.weight *= 1e7

    def forward(self, images):
        return self.object_head(1e-7 * self.huge(self.backbone(images)))


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp('onnx') / 'plain.onnx'
    torch.onnx.export(Network().eval(), (torch.zeros(1, 3, 12, 12), ), str(path), dynamo=False,
                      opset_version=17, input_names=['image'])
    return path


def output(path):
    image = np.random.default_rng(0).standard_normal((1, 3, 12, 12)).astype(np.float32)
    return load_session(path, 1).run(None, dict(image=image))[0]


def test_half_weights_are_rounded_where_they_fit(plain, tmp_path):
    REDUCTIONS['fp16'](plain, tmp_path / 'half.onnx')
    tensors = {item.name: item for item in onnx.load(tmp_path / 'half.onnx').graph.initializer}
    kinds = {name: NAMES[item.data_type] for name, item in tensors.items()}
    assert kinds == {'backbone.weight_half': 'fp16', 'backbone.bias': 'fp32',
                     'huge.weight': 'fp32', 'huge.bias': 'fp32',
                     'object_head.weight_half': 'fp16', 'object_head.bias': 'fp32'}
    weight = Network().backbone.weight.detach().numpy()
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(tensors['backbone.weight_half']),
                                  weight.astype(np.float16))
    gap = np.abs(output(tmp_path / 'half.onnx') - output(plain)).max()
    assert 1e-6 < gap < 2e-3


def test_eight_bits_except_in_heads(plain, tmp_path):
    REDUCTIONS['int8'](plain, tmp_path / 'int8.onnx')
    nodes = [(node.op_type, node.name) for node in onnx.load(tmp_path / 'int8.onnx').graph.node]
    kinds = [kind for kind, name in nodes if kind in ('Conv', 'ConvInteger')]
    assert sorted(kinds) == ['Conv', 'ConvInteger', 'ConvInteger']
    assert any(kind == 'Conv' and '/object_head/' in name for kind, name in nodes)
    expected = output(plain)
    gap = np.abs(output(tmp_path / 'int8.onnx') - expected).max()
    assert 1e-6 < gap < .1 * np.abs(expected).max()
