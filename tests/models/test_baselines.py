"""MonoDLE, MonoCon, GUPNet, DID-M3D and MonoLSS, built from configs of the same detector."""
import copy
import re

import cv2
import numpy as np
import pytest
import torch
from mmdet3d.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from tiny_kitti import FRAMES, camera_of, packed_frames

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.detectors import CenterMono3D
from mmdet3d_plugin.models.layers import AttentiveBatchNorm2d

BASELINES = ('monodle', 'gupnet', 'monocon', 'didm3d', 'monolss')
# Parameters of mmdet3d's two-level trees that their forward pass does not use.
UNUSED = re.compile(r'backbone\.level\d\.project')
TASKS = {'heatmap', 'offset_2d', 'size_2d', 'depth', 'size_3d', 'offset_3d', 'heading'}
EXTRA_LOSSES = dict(monocon={'keypoint_heatmap', 'keypoint_offset'})
AUXILIARY = dict(none=set(), qi={'metric'}, both={'metric', 'object_depth'})
AUXILIARY['object-depth'] = {'object_depth'}


def config_of(baseline, auxiliary='none', data='synthetic'):
    name = (f'{baseline}/{baseline}_dla34_{data}' if auxiliary == 'none' else
            f'ddml/{baseline}_{auxiliary}_{data}')
    return Config.fromfile(f'configs/{name}.py')


def build(cfg):
    torch.manual_seed(0)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model


@pytest.fixture
def samples(kitti_root):
    """Return samples with small inputs and a dense depth of 12 m everywhere."""
    loaded = packed_frames(kitti_root, ['Pedestrian', 'Car', 'Cyclist'])
    for sample in loaded:
        sample['data_samples'].gt_depth_map = PixelData(data=torch.full((1, 24, 80), 12.))
    return loaded


def losses_of(model, samples):
    data = model.data_preprocessor(pseudo_collate(copy.deepcopy(samples)), True)
    return model(**data, mode='loss')


@pytest.mark.parametrize('baseline', BASELINES)
@pytest.mark.parametrize('auxiliary', AUXILIARY)
def test_losses_are_finite_and_reach_every_weight(samples, baseline, auxiliary):
    model = build(config_of(baseline, auxiliary))
    assert type(model) is CenterMono3D
    losses = losses_of(model, samples)
    expected = TASKS | EXTRA_LOSSES.get(baseline, set()) | AUXILIARY[auxiliary]
    assert {key[5:] for key in losses if key.startswith('loss_')} == expected
    assert all(torch.isfinite(value) for value in losses.values())
    model.parse_losses(losses)[0].backward()
    for name, parameter in model.named_parameters():
        if not UNUSED.match(name):
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize('baseline', BASELINES)
def test_batch_without_objects_has_zero_losses_and_finite_gradients(samples, baseline):
    model = build(config_of(baseline, 'both'))
    losses = losses_of(model, [samples[list(FRAMES).index('000012')]] * 2)
    assert all(losses[f'loss_{task}'].item() == 0 for task in TASKS - {'heatmap'})
    model.parse_losses(losses)[0].backward()
    for name, parameter in model.named_parameters():
        if not UNUSED.match(name):
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize('baseline', BASELINES)
def test_predictions_have_agreeing_fields(samples, baseline):
    model = build(config_of(baseline)).eval()
    # Untrained sizes may be negative, and boxes with negative sizes are dropped.
    torch.nn.init.constant_(model.object_head.size_3d[-1].bias, 2.)
    model.test_cfg.update(heatmap_threshold=0., score_threshold=0., nms_iou=1.)
    data = model.data_preprocessor(pseudo_collate(copy.deepcopy(samples)), False)
    with torch.no_grad():
        predicted = model(**data, mode='predict')
    for sample in predicted:
        boxes_3d, boxes_2d = sample.pred_instances_3d, sample.pred_instances
        count = len(boxes_3d.scores_3d)
        assert 10 < count <= model.test_cfg['max_detections']
        assert boxes_3d.bboxes_3d.tensor.shape == (count, 7)
        assert len(boxes_2d.bboxes) == len(boxes_3d.sample_weights) == count
        assert torch.isfinite(boxes_3d.bboxes_3d.tensor).all()


@pytest.mark.parametrize('baseline', BASELINES)
def test_auxiliaries_add_only_weights_under_auxiliary(baseline):
    bare, supervised = (set(build(config_of(baseline, kind)).state_dict())
                    for kind in ('none', 'both'))
    assert bare < supervised
    assert all(key.startswith('auxiliary.') for key in supervised - bare)


def test_monodle_ignores_random_crops_in_depth_size_and_centre(samples):
    model = build(config_of('monodle')).eval()
    cropped, whole = copy.deepcopy(samples[:2])
    cropped['data_samples'].set_metainfo(dict(affine_aug=True))
    mixed, alone = losses_of(model, [cropped, whole]), losses_of(model, [whole])
    for task in ('depth', 'size_3d', 'offset_3d'):
        assert mixed[f'loss_{task}'].item() == pytest.approx(
            alone[f'loss_{task}'].item(), rel=1e-4), task
        assert losses_of(model, [cropped])[f'loss_{task}'].item() == 0
    assert losses_of(model, [cropped])['loss_heading'].item() > 0
    supervised = build(config_of('monodle', 'both')).eval()
    losses = losses_of(supervised, [cropped])
    assert losses['loss_metric'].item() == losses['loss_object_depth'].item() == 0


def test_batch_with_dense_depth_of_some_frames_is_refused(samples):
    del samples[1]['data_samples'].gt_depth_map
    with pytest.raises(InputError, match=r'1 of \d samples have no dense depth'):
        losses_of(build(config_of('didm3d')), samples)


def test_attentive_normalisation_converts_to_sync_bn():
    norm = AttentiveBatchNorm2d(4)
    converted = torch.nn.SyncBatchNorm.convert_sync_batchnorm(norm)
    assert isinstance(converted, AttentiveBatchNorm2d)
    assert isinstance(converted.normalise, torch.nn.SyncBatchNorm)
    with pytest.raises(InputError, match='use a batch size of at least 2'):
        norm(torch.zeros(1, 4, 3, 3))


@pytest.mark.parametrize('baseline', BASELINES)
@pytest.mark.parametrize('data', ['kitti', 'synthetic'])
def test_pipelines_give_images_of_the_input_size(kitti_root, baseline, data):
    """Load every frame with the training and the test pipeline of the config."""
    cfg = config_of(baseline, 'both', data)
    depth = kitti_root / 'training/depth_2'
    depth.mkdir()
    for name in FRAMES:
        cv2.imwrite(str(depth / f'{name}.png'),
                    np.full(camera_of(name)[1][::-1], 3000, dtype=np.uint16))
    cfg.train_dataloader.dataset.dataset.data_root = str(kitti_root)
    cfg.val_dataloader.dataset.data_root = str(kitti_root)
    cfg.val_dataloader.dataset.ann_file = 'ImageSets/train.txt'
    train, val = (DATASETS.build(loader.dataset)
                  for loader in (cfg.train_dataloader, cfg.val_dataloader))
    np.random.seed(0)
    for dataset in (train, val):
        for index in range(len(FRAMES)):
            image = dataset[index]['inputs']['img']
            assert image.shape == (3, *cfg.input_size[::-1])


@pytest.mark.parametrize('baseline, expected', [
    ('monodle', dict(lr=1.25e-3, epochs=140, batch=16, classes=['Car'], depth=65.)),
    ('gupnet', dict(lr=1.25e-3, epochs=140, batch=32, classes=3, depth=1000.)),
    ('didm3d', dict(lr=1e-3, epochs=150, batch=16, classes=3, depth=1000.)),
    ('monocon', dict(lr=2.25e-4, epochs=200, batch=8, classes=3, depth=65.)),
    ('monolss', dict(lr=1e-3, epochs=600, batch=16, classes=3, depth=1000.))])
def test_kitti_recipes(baseline, expected):
    cfg = config_of(baseline, 'both', 'kitti')
    dataset = cfg.train_dataloader.dataset
    assert cfg.optim_wrapper.optimizer.lr == expected['lr']
    assert cfg.train_cfg.max_epochs == expected['epochs']
    assert cfg.train_dataloader.batch_size == expected['batch']
    classes = dataset.dataset.metainfo.classes
    assert classes == expected['classes'] or len(classes) == expected['classes']
    assert len(cfg.model.coder.class_names) == cfg.model.dense_head.num_classes == len(classes)
    pipeline = {item.type: item for item in dataset.pipeline}
    assert pipeline['FilterObjects'].depth_range[1] == expected['depth']
    assert pipeline['CropScaleAffine'].input_size == (1280, 384)
    assert ('MixUp3D' in pipeline) == (baseline == 'monolss')
    hooks = {hook.type for hook in cfg.custom_hooks}
    assert ('HierarchicalTaskHook' in hooks) == (baseline in ('gupnet', 'didm3d', 'monolss'))
    assert ('LoadDepthMap' in [item.type for item in dataset.dataset.pipeline]) == (
        baseline == 'didm3d')
