"""The command ``tools/analysis/motion_hints.py`` with a stub in place of the model."""
import cv2
import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS, TRANSFORMS
from mmengine.config import Config
from mmengine.model import BaseModel
from tiny_config import write_depth_config
from tiny_depth import write_synthetic

from mmdet3d_plugin.benchmarks.depth.map_errors import DepthProtocol
from mmdet3d_plugin.commands.motion_hints import (
    build_dataset,
    protocol_of,
    to_hints,
    to_picture,
    whole_clips,
    without_augmentation,
)
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.depth_estimators import MultiFrameDepth
from mmdet3d_plugin.visualization.colors import to_bgr
from mmdet3d_plugin.visualization.motion_hint_panel import CHOICE_COLORS, MOVING_COLOR

CONFIG = """
default_scope = 'mmdet3d'
model = dict(type='HintStub', data_preprocessor=dict(type='ClipPreprocessor'))
size = (96, 32)
train_dataloader = dict(dataset=dict(type='RepeatDataset', times=2, dataset=dict(
    type='SyntheticClipDataset', data_root={root!r}, ann_file='ImageSets/train.txt',
    offsets=(-1, 1), pipeline=[
        dict(type='LoadClip'), dict(type='LoadClipInstances'), dict(type='RandomFlipMono3D'),
        dict(type='CropScaleAffine', input_size=size, prob=.5),
        dict(type='RelabelInstances'), dict(type='ClipColorJitter'),
        dict(type='PackMono3DInputs')])))
val_dataloader = dict(dataset=dict(
    type='SyntheticClipDataset', data_root={root!r}, ann_file='ImageSets/val.txt',
    offsets=(-1, ), missing='single', test_mode=True, pipeline=[
        dict(type='LoadClip'), dict(type='CropScaleAffine', input_size=size),
        dict(type='LoadDepthMap'), dict(type='PackMono3DInputs')]))
val_evaluator = [dict(type='InstanceDepthMetric'),
                 dict(type='DepthMetric', max_depth=60., crop='garg', median_scaling=True)]
"""


@MODELS.register_module()
class HintStub(MultiFrameDepth):
    """Model that returns the target image in every place, and true depth where it is known."""

    teacher_frozen = False

    def __init__(self, data_preprocessor=None):
        BaseModel.__init__(self, data_preprocessor)
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, *args, **kwargs):
        raise NotImplementedError

    def motion_hints(self, inputs, data_samples):
        assert not self.training and not torch.is_grad_enabled()
        sample, = data_samples
        views = inputs['views'][0]
        torch.testing.assert_close(inputs['imgs'][0] * .225 + .45, views)  # without jitter
        neighbours = dict(zip(sample.clip_offsets[1:], views[1:]))
        depth = sample.gt_depth_map.data[0] + 5.
        assert depth.shape == views.shape[-2:] and not sample.flip
        count = sample.id_values.shape[1] if 'id_values' in sample else 1
        masks = torch.zeros(count, *depth.shape, dtype=torch.bool)
        masks[:, 10:25, 30:60] = True
        return [dict(target=views[0], sources=neighbours, warps=neighbours, shifted=neighbours,
                     teacher_depth=depth, student_depth=depth, instances=masks,
                     choice=torch.full(depth.shape, 2),
                     displacements=torch.tensor([[3, 0]]).expand(count, 2),
                     gate=torch.ones(count), seen=torch.ones(count, dtype=torch.bool))]


@pytest.fixture
def config(tmp_path, tiny_clips):
    path = tmp_path / 'tiny_hints.py'
    path.write_text(CONFIG.format(root=str(tiny_clips)))
    return path


@pytest.fixture
def checkpoint(tmp_path):
    torch.save(dict(state_dict=HintStub(dict(type='ClipPreprocessor')).state_dict()),
               tmp_path / 'weights.pth')
    return tmp_path / 'weights.pth'


def test_panels(run_tool, tmp_path, config, checkpoint, tiny_clips):
    """Only the middle frame of the validation clip 000006 to 000008 has both neighbours."""
    out = tmp_path / 'out'
    code, printed = run_tool('analysis/motion_hints', config, checkpoint, '--out', out)
    assert code == 0, printed.err
    assert printed.out.endswith(f'1 panels in {out}\n')
    assert [path.name for path in out.iterdir()] == ['000007.png']
    panel = cv2.imread(str(out / '000007.png'))
    assert panel.shape[1] == 1860
    for color in (MOVING_COLOR, CHOICE_COLORS['student']):
        assert (panel == to_bgr(color)).all(-1).any()
    # The first tile is the previous frame, from column 16 on and below the header.
    previous = cv2.imread(str(tiny_clips / 'training/image_2/000006.png'))
    tile = cv2.resize(previous, (598, 199), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(panel[39:39 + 199, 16:16 + 598], tile)


def test_dataset_has_no_augmentation(config):
    cfg = Config.fromfile(config)
    dataset = build_dataset(cfg, 'val')
    assert whole_clips(dataset, 5) == [1] and len(dataset) == 3
    first, second = dataset[1], dataset[1]
    assert torch.equal(first['inputs']['img'], second['inputs']['img'])
    assert torch.equal(first['inputs']['img'], first['inputs']['jittered'])
    item = first['data_samples']
    np.testing.assert_array_equal(item.affine, np.eye(3))
    assert item.gt_depth_map.shape == (32, 96) and item.instance_maps.shape == (3, 32, 96)
    train = build_dataset(cfg, 'train')
    assert whole_clips(train, 5) == [1, 4] and whole_clips(train, 1) == [1]
    assert 'gt_depth_map' not in train[1]['data_samples']
    assert cfg.val_dataloader.dataset.missing == 'single'  # the config is unchanged
    assert len(cfg.val_dataloader.dataset.pipeline) == 4


def test_random_changes_get_probability_0():
    pipeline = [dict(type='LoadClip'), dict(type='RandomFlipMono3D', prob=.5),
                dict(type='CropScaleAffine', input_size=(4, 2)), dict(type='ClipColorJitter'),
                dict(type='CropRotate', size=(4, 2), max_angle=5.), dict(type='PackMono3DInputs')]
    assert without_augmentation(pipeline, with_depth=False) == [
        dict(type='LoadClip'), dict(type='RandomFlipMono3D', prob=0.),
        dict(type='CropScaleAffine', input_size=(4, 2), prob=0.),
        dict(type='ClipColorJitter', prob=0.),
        dict(type='CropRotate', size=(4, 2), max_angle=0.), dict(type='PackMono3DInputs')]
    with_depth = without_augmentation(pipeline, with_depth=True)
    assert with_depth[1] == dict(type='LoadDepthMap') and with_depth[3]['stride'] == 1
    assert pipeline[1]['prob'] == .5
    for settings in with_depth:
        TRANSFORMS.build(settings)


def test_hints_as_arrays():
    image = torch.tensor([1., .5, 0.])[:, None, None].expand(3, 2, 4)
    depth = torch.full((2, 4), 3.)
    hints = to_hints(dict(
        target=image, sources={-1: image}, warps={}, shifted=None, teacher_depth=depth,
        student_depth=depth, choice=None, instances=torch.ones(1, 2, 4, dtype=torch.bool),
        displacements=None, gate=torch.tensor([.25])))
    assert hints.target.tolist() == [[[0, 128, 255]] * 4] * 2
    assert list(hints.sources) == [-1] and hints.warps == hints.shifted == {}
    assert hints.instances.dtype == bool and hints.instances.all() and hints.gate == .25
    assert hints.choice is None and hints.displacements is None
    assert to_picture(image).flags['C_CONTIGUOUS']


def test_protocol_is_that_of_the_depth_metric(config):
    assert protocol_of(Config.fromfile(config)) == DepthProtocol(
        max_depth=60., median_scaling=True)
    assert protocol_of(Config(dict(val_evaluator=dict(type='KittiAPMetric')))) is None
    assert protocol_of(Config(dict())) is None


@pytest.mark.parametrize('arguments, message', [
    (['--num', '0'], '--num: expected at least 1'),
    (['--cfg-options', 'val_dataloader=None'], 'has no val_dataloader'),
    (['--cfg-options', 'val_dataloader.dataset.ann_file=ImageSets/no.txt'], 'no.txt'),
    (['--split', 'train', '--cfg-options', 'train_dataloader.dataset.dataset.offsets=(-2,2)'],
     'has all neighbours at offsets')])
def test_bad_arguments_end_with_one_error_line(run_tool, tmp_path, config, checkpoint, arguments,
                                               message):
    code, printed = run_tool('analysis/motion_hints', config, checkpoint, '--out',
                             tmp_path / 'out', *arguments)
    assert code == 2 and message in printed.err and 'Traceback' not in printed.err


def test_models_without_motion_hints(run_tool, tmp_path, write_weights):
    path = write_depth_config(tmp_path, write_synthetic(tmp_path / 'set'))
    weights = write_weights(path, tmp_path / 'weights.pth')
    code, printed = run_tool('analysis/motion_hints', path, weights, '--out', tmp_path / 'out')
    assert code == 2 and 'DepthEstimator has no motion hints' in printed.err
    with pytest.raises(InputError, match='SyntheticDepthDataset yields single frames'):
        build_dataset(Config.fromfile(path), 'val')
