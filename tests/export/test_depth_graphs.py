"""Exported depth estimators, and operations that torch's exporter lacks."""
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.dataset import pseudo_collate
from tiny_export import SIZE, file_inputs, frames

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.export import FileFormat, export_onnx, graph_of, load_session
from mmdet3d_plugin.export.symbolics import pooling_matrix
from mmdet3d_plugin.models.depth_estimators.depth_estimator import to_original

PREPROCESSOR = dict(type='UnitRangePreprocessor', mean=[.485, .456, .406], std=[.229, .224, .225],
                    bgr_to_rgb=True, pad_size_divisor=32)
HEAD = dict(depth_range=(1., 80.), loss_depth=dict(type='ScaleInvariantLogLoss'))
MODELS_BY_NAME = dict(
    lt=dict(
        backbone=dict(type='TorchvisionBackbone', name='mobilenet_v3_small',
                      nodes=['features.0', 'features.1', 'features.3']),
        decode_head=dict(type='LTDecoder', in_channels=(16, 16, 24), channels=(8, 8), **HEAD)),
    bts=dict(
        backbone=dict(type='TorchvisionBackbone', name='resnet18',
                      nodes=['relu', 'layer1', 'layer2', 'layer3', 'layer4']),
        decode_head=dict(type='BTSDecoder', in_channels=(64, 64, 128, 256, 512), channels=128,
                         dilations=(1, 2), reference_focal=100., **HEAD)),
    newcrfs=dict(
        backbone=dict(type='mmdet.SwinTransformer', embed_dims=24, depths=(2, 2),
                      num_heads=(2, 2), strides=(4, 2), out_indices=(0, 1), window_size=4),
        decode_head=dict(type='NeWCRFsDecoder', in_channels=(24, 48), channels=(16, 32),
                         pooled_channels=16, head_channels=8, num_groups=4, window_size=4,
                         **HEAD)))


def build(name, flip=False):
    torch.manual_seed(0)
    model = MODELS.build(dict(type='DepthEstimator', data_preprocessor=dict(PREPROCESSOR),
                              test_cfg=dict(flip=flip), **MODELS_BY_NAME[name]))
    # Planes that BTS sees edge-on amplify rounding errors of random weights.
    torch.nn.init.normal_(model.decode_head.prediction.weight, std=.01 if name == 'bts' else .2)
    return model.eval()


def assert_same_depth(model, session, samples):
    """Compare at the size of the original images, as ``predict`` returns depth."""
    metas = [sample['data_samples'].metainfo for sample in samples]
    values = file_inputs(samples)
    depths, = session.run(None, {item.name: values[item.name] for item in session.get_inputs()})
    assert depths.shape == (len(samples), *samples[0]['inputs']['img'].shape[1:])
    with torch.no_grad():
        predicted = model.test_step(pseudo_collate(samples))
    for sample, meta, depth in zip(predicted, metas, depths):
        original = to_original(torch.from_numpy(depth), meta['affine'], meta['ori_shape'])
        expected = sample.pred_depth_map.data[0]
        assert expected[expected > 0].std() > .1
        torch.testing.assert_close(original, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize('name, batch, inputs', [
    ('lt', None, ['image']), ('bts', None, ['image', 'intrinsics', 'affine']),
    pytest.param('newcrfs', 2, ['image'], marks=pytest.mark.slow)])
def test_files_estimate_what_torch_estimates(name, batch, inputs, tmp_path):
    """With two cameras and crops, and the mirrored image for LT.

    The depth of BTS follows the focal length of the input.
    """
    model = build(name, flip=name == 'lt')
    export_onnx(graph_of(model, SIZE), tmp_path / 'a.onnx', FileFormat(batch))
    session = load_session(tmp_path / 'a.onnx', 1)
    assert [item.name for item in session.get_inputs()] == inputs
    assert_same_depth(model, session, frames())


def test_inputs_that_the_preprocessor_pads(tmp_path):
    """160x64 with 60 columns and 10 rows less."""
    model = build('lt')
    samples = frames()[:1]
    samples[0]['inputs']['img'] = samples[0]['inputs']['img'][:, :54, :100].contiguous()
    samples[0]['data_samples'].set_metainfo(dict(img_shape=(54, 100)))
    export_onnx(graph_of(model, (100, 54)), tmp_path / 'a.onnx', FileFormat(1))
    assert_same_depth(model, load_session(tmp_path / 'a.onnx', 1), samples)


@pytest.mark.slow
def test_networks_that_fix_the_number_of_images(tmp_path):
    with pytest.raises(InputError, match='depends on the number of images.*; try --batch N'):
        export_onnx(graph_of(build('newcrfs'), SIZE), tmp_path / 'a.onnx', FileFormat(None))


@pytest.mark.parametrize('length, cells', [(7, 3), (6, 2), (5, 5), (2, 6)])
def test_pooling_matrix_is_that_of_torch(length, cells):
    values = torch.arange(1., length + 1) ** 2
    expected = torch.nn.functional.adaptive_avg_pool1d(values[None], cells)[0]
    torch.testing.assert_close(pooling_matrix(length, cells) @ values, expected)
