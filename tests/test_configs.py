"""Tests of all configs: contents, promises, titles and README tables."""
import copy
import math
import os
import re
from functools import cache, partial
from pathlib import Path
from unittest import mock

import pytest
import torch
from mmdet3d.registry import (
    DATA_SAMPLERS,
    DATASETS,
    HOOKS,
    LOOPS,
    MODELS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
)
from mmengine.config import Config
from mmengine.dataset import RepeatDataset
from mmengine.optim import build_optim_wrapper

from mmdet3d_plugin.datasets.sample_randomness import ResumableBatchSampler
from mmdet3d_plugin.engine import hooks
from mmdet3d_plugin.engine.config_files import check_classes
from mmdet3d_plugin.engine.deployment import deploy_config
from mmdet3d_plugin.engine.load_model import drop_pretrained
from mmdet3d_plugin.engine.loops import ResumableEpochLoop
from mmdet3d_plugin.engine.plain_config import check_parts
from mmdet3d_plugin.engine.shared_entries import (
    apply_shared_entries,
    crops_of,
    earlier_sizes,
    innermost_datasets,
)
from mmdet3d_plugin.models.layers import AttentiveBatchNorm2d
from mmdet3d_plugin.structures.training_objects import KITTI_LIMITS

FOLDER = Path(__file__).parents[1] / 'configs'
CONFIGS = sorted(path for path in FOLDER.glob('**/*.py') if '_base_' not in path.parts)
KEEP_WEIGHTS = {name: lambda tensor, *args, **kwargs: tensor for name in dir(torch.nn.init)
                if name.endswith('_') and not name.startswith('_')}
# Folders with the rows of a table.
TABLES = ('ablations', 'settings')
each_config = pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)


@pytest.fixture(autouse=True, scope='module')
def files_parsed_once():
    """Parse each file, base files included, once per value of the environment variables."""
    parse_file = Config._file2dict

    @cache
    def parse(filename, *variables):
        return parse_file(filename)

    def parse_once(filename, use_predefined_variables=True, use_environment_variables=True,
                   lazy_import=None):
        assert use_predefined_variables and use_environment_variables and not lazy_import
        variables = map(os.environ.get, ('ABLATION_DATA', 'ABLATION_SEED'))
        return copy.deepcopy(parse(os.path.realpath(filename), *variables))

    with mock.patch.object(Config, '_file2dict', parse_once):
        yield


def read_file(path):
    return Config.fromfile(path, import_custom_modules=False)


def read(name):
    return read_file(next(path for path in CONFIGS if path.stem == name))


def build_without_memory(model):
    """Build a model on the meta device, without initialisation of weights."""
    # mmdet's Swin reads numbers from a tensor, which the meta device does not allow.
    with torch.device('meta'), mock.patch.multiple(torch.nn.init, **KEEP_WEIGHTS), \
            mock.patch('torch.linspace', partial(torch.linspace, device='cpu')):
        return MODELS.build(model)


def all_dicts(value):
    """Yield all dicts inside a value."""
    if isinstance(value, dict):
        yield value
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return
    for item in value:
        yield from all_dicts(item)


@each_config
def test_config_builds(path):
    cfg = read_file(path)
    detector = cfg.model.get('detector', cfg.model)
    drop_pretrained(cfg.model)
    if detector.type == 'SMOKEMono3D':
        detector.neck.use_dcn = False
    if 'dcn_on_last_conv' in detector.get('bbox_head', {}):
        detector.bbox_head.dcn_on_last_conv = False
    model = build_without_memory(cfg.model)
    dataset = cfg.train_dataloader.dataset
    for item in [*dataset.get('pipeline', []), *dataset.get('dataset', {}).get('pipeline', [])]:
        TRANSFORMS.build(item)
    assert sum(parameter.numel() for parameter in model.parameters()) > 1e6


def check_hooks(cfg):
    """Hooks against NaN losses, signals, unsafe checkpoints and silently skipped frames."""
    found = {type(hook): hook for hook in map(HOOKS.build, cfg.custom_hooks)}
    assert found.keys() >= {
        hooks.FiniteLossHook, hooks.InterruptionHook, hooks.PlainCheckpointHook,
        hooks.SkippedFramesHook, hooks.ProgressBarHook}
    interruption = found[hooks.InterruptionHook]
    assert {signal.name for signal in interruption.signals} == {'SIGINT', 'SIGTERM', 'SIGUSR1'}
    assert interruption.backend_args == dict(backend='atomic')


def check_checkpoints(cfg):
    """Atomic checkpoints after every epoch, at least two of them kept, inside the work dir."""
    hook = HOOKS.build(cfg.default_hooks.checkpoint)
    assert type(hook) is hooks.DurableCheckpointHook
    assert (hook.by_epoch, hook.interval, hook.save_begin, hook.save_last) == (True, 1, 0, True)
    assert hook.max_keep_ckpts >= 2 or hook.max_keep_ckpts == -1
    assert hook.backend_args == dict(backend='atomic')
    assert hook.save_optimizer and hook.save_param_scheduler
    assert hook.out_dir is None and 'filename_tmpl' not in cfg.default_hooks.checkpoint


def check_exact_resume(cfg):
    """The loop, the sampler and the optimiser of trainings that resume with the same bits."""
    assert LOOPS.get(cfg.train_cfg.type) is ResumableEpochLoop
    assert cfg.train_dataloader.sampler.type == 'DefaultSampler'
    # ResumableEpochLoop sets a ResumableBatchSampler unless there is another.
    batch_sampler = cfg.train_dataloader.get('batch_sampler')
    assert batch_sampler is None or issubclass(DATA_SAMPLERS.get(batch_sampler.type),
                                               ResumableBatchSampler)
    # Checkpoints hold no accumulated gradients.
    assert cfg.optim_wrapper.get('accumulative_counts', 1) == 1
    assert cfg.resume is False
    # Fine-tuning starts from the last epoch of another config.
    if cfg.load_from is not None:
        folder, name = Path(cfg.load_from).parts[-2:]
        base = read(folder)
        assert cfg.load_from == f'work_dirs/{folder}/epoch_{base.max_epochs}.pth', name
        assert base.load_from is None


def check_safe_reading(cfg):
    """Safe loaders, datasets of this project, and weights from allowed sources."""
    assert cfg.custom_imports == dict(
        imports=[f'mmdet3d_plugin.{name}'
                 for name in ('datasets', 'models', 'engine', 'evaluation')],
        allow_failed_imports=False)
    for split in ('train', 'val', 'test'):
        dataset = (cfg[f'{split}_dataloader'] or {}).get('dataset')
        while dataset:
            dataset_type = DATASETS.get(dataset.type)
            assert (dataset_type is RepeatDataset
                    or dataset_type.__module__.startswith('mmdet3d_plugin.')), dataset.type
            # A broken frame stops the run unless the user asks to skip it.
            assert dataset.get('on_error', 'stop') == 'stop'
            dataset = dataset.get('dataset')
    for settings in all_dicts(cfg.model.to_dict()):
        source = settings.get('checkpoint')
        if settings.get('type') == 'EncoderInit':
            check_encoder(settings)
        else:
            assert source is None or re.match(
                r'(https?|torchvision|open-mmlab|mmcls|package)://', source), source


def check_encoder(init_cfg):
    """The last epoch of a config of this project, with the backbone that is initialised."""
    found = re.fullmatch(r'work_dirs/pretraining_encoders/(\w+)/seed_0/epoch_(\d+)\.pth',
                         init_cfg['checkpoint'])
    encoder = read(found[1])
    assert int(found[2]) == encoder.train_cfg.max_epochs
    part = encoder.model
    for name in init_cfg['prefix'].split('.')[:-2]:
        part = part.get(name, part)  # an embedder's encoder has no entry of its own
    assert part.backbone.type == 'SlimDLANet' and part.backbone.norm_cfg.type == 'BN'
    assert part.backbone.get('init_cfg') is None


def check_logs(cfg):
    """Logs inside the work dir."""
    assert cfg.visualizer == dict(type='mmengine.Visualizer', vis_backends=[
        dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])


@each_config
def test_config_keeps_the_promises_of_reliability(path):
    """Promises of docs/reliability.md that depend on entries of a config."""
    cfg = read_file(path)
    check_hooks(cfg)
    check_checkpoints(cfg)
    check_exact_resume(cfg)
    check_safe_reading(cfg)
    check_logs(cfg)


# Configs on images of KITTI's shape fit the width of the image, as published. Others show the
# whole image.
WHOLE_IMAGES = ('*_waymo.py', '*-to-nuscenes.py')


@each_config
def test_config_has_the_published_classes_sizes_and_fit(path):
    """mmengine alone reads the same classes and input sizes as this project's commands."""
    cfg = read_file(path)
    resolved = copy.deepcopy(cfg)
    apply_shared_entries(resolved, earlier_sizes(cfg))
    for key in cfg:
        if key == 'model' or key.endswith(('_dataloader', '_evaluator')):
            assert cfg[key] == resolved[key], key
    check_classes(cfg)
    fits = {crop.fit for crop in crops_of(cfg)}
    assert 'contain' in fits if any(map(path.match, WHOLE_IMAGES)) else fits <= {'width'}


KITTI_SIZES = dict(
    Pedestrian=(1.76255119, .66068622, .84422524),
    Car=(1.52563191462, 1.62856739989, 3.88311640418),
    Cyclist=(1.73698127, .59706367, 1.76282397))
WAYMO_SIZES = dict(
    Pedestrian=(1.7431, .8494, .9110), Vehicle=(1.8032, 2.1036, 4.8104),
    Cyclist=(1.7336, .8230, 1.7530))


@pytest.mark.parametrize('name, classes, sizes, input_size', [
    *((f'{name}_dla34_kitti', list(KITTI_SIZES), KITTI_SIZES, (1280, 384))
      for name in ('monolss', 'gupnet', 'didm3d')),
    ('monodle_dla34_kitti', ['Car'], None, (1280, 384)),
    ('monodle_dla34_kitti_reference', list(KITTI_SIZES), None, (1280, 384)),
    ('monocon_dla34_kitti', list(KITTI_SIZES), None, (1280, 384)),
    *((f'{name}_dla34_waymo', list(WAYMO_SIZES), WAYMO_SIZES, (768, 512))
      for name in ('monolss', 'gupnet'))])
def test_classes_and_sizes_of_published_recipes(name, classes, sizes, input_size):
    cfg = read(name)
    assert {tuple(settings.metainfo.classes) for _, settings in innermost_datasets(cfg)} == {
        tuple(classes)}
    assert cfg.model.coder.class_names == classes
    assert cfg.model.dense_head.num_classes == len(classes)
    assert cfg.model.object_head.extractor.get('num_classes', len(classes)) == len(classes)
    assert cfg.model.coder.mean_sizes == sizes
    assert {tuple(crop.input_size) for crop in crops_of(cfg)} == {input_size}


def test_folder_checks_count_with_the_limits_of_the_configs():
    pipeline = read('gupnet_dla34_kitti').train_dataloader.dataset.pipeline
    limits, = (item.to_dict() for item in pipeline if item.type == 'FilterObjects')
    assert limits == dict(
        type='FilterObjects', min_height=KITTI_LIMITS.min_height,
        max_truncation=KITTI_LIMITS.max_truncation, max_occlusion=KITTI_LIMITS.max_occlusion,
        depth_range=KITTI_LIMITS.depth_range)


def test_first_lines_are_titles():
    for path in CONFIGS:
        title = path.read_text(encoding='utf-8').partition('\n')[0]
        assert re.match(r'# [A-Zm0-9]', title) and len(title) <= 99, path
        # Titles of table rows have no full stop.
        assert title.endswith('.') != (path.parent.name in TABLES), path


def test_readmes_list_every_config():
    """The tables of a folder's README link each of its configs, and no other file."""
    for folder in sorted({path.relative_to(FOLDER).parts[0] for path in CONFIGS}):
        text = (FOLDER / folder / 'README.md').read_text(encoding='utf-8')
        linked = re.findall(r'^\| \[`[^`]+\.py`\]\(([^)]+)\)', text, re.MULTILINE)
        own = [path.relative_to(FOLDER / folder).as_posix() for path in CONFIGS
               if path.relative_to(FOLDER).parts[0] == folder]
        assert sorted(linked) == sorted(own), folder
        for name in re.findall(r'tools/\w+\.py configs/[\w./-]+', text):
            assert (FOLDER.parent / name.split()[1]).exists(), (folder, name)
        assert f'[{folder}]({folder}/README.md)' in (FOLDER / 'README.md').read_text('utf-8')


def test_no_config_only_renames_another():
    """Rows of ablations may equal a config, since tables need them."""
    found = {}
    for path in CONFIGS:
        if path.parent.name not in TABLES:
            same = found.setdefault(repr(read_file(path).to_dict()), path)
            assert same is path, f'{path} equals {same}'


@pytest.mark.parametrize('value', [True, False])
@pytest.mark.parametrize('method', ['monodle', 'gupnet', 'didm3d', 'monolss'])
def test_reference_switch_sets_model_datasets_and_crops(tmp_path, method, value):
    source = FOLDER / f'{method}/{method}_dla34_kitti_reference.py'
    text = source.read_text(encoding='utf-8')
    changed = tmp_path / 'changed.py'
    text = text.replace("'./", f"'{source.parent}/").replace("'../", f"'{FOLDER}/")
    changed.write_text(text.replace('reference = True', f'reference = {value}'), encoding='utf-8')
    cfg = Config.fromfile(changed)
    train, val, test = (cfg[f'{split}_dataloader'].dataset for split in ('train', 'val', 'test'))
    crops = [item for split in (train, val, test) for item in split.pipeline
             if item.type == 'CropScaleAffine']
    found = [item.reference for item in (cfg.model, train.dataset, val, test, *crops)]
    assert found == [value] * 7


@pytest.mark.parametrize('data', ['kitti', 'synthetic'])
def test_ablations_change_the_entries_of_their_titles(monkeypatch, data):
    """Each row differs from the full recipe in its own entry, on each set."""
    monkeypatch.setenv('ABLATION_DATA', data)
    rows = {}
    for path in CONFIGS:
        if path.match('monolss/ablations/*.py'):
            cfg = read_file(path)
            warmup = next(hook for hook in cfg.custom_hooks
                          if hook.type == 'SampleSelectionWarmupHook')
            selector = cfg.model.object_head.depth_head.sample_selector
            rows[path.stem] = (selector.type, selector.get('tau'), warmup.mode,
                               cfg.train_dataloader.dataset.pipeline[0].prob > 0)
    lss = 'LearnableSampleSelector'
    assert rows == {
        '1_none': ('AllSamples', None, 'epoch', False),
        '2_fixed_k': ('TopKSamples', 1., 'epoch', False),
        '3_threshold': ('ThresholdSamples', 1., 'epoch', False),
        '4_lss': (lss, 1., 'epoch', False),
        '5_mixup3d': ('AllSamples', None, 'epoch', True),
        '6_lss_mixup3d': (lss, 1., 'epoch', True),
        '7_stable_warmup': (lss, 1., 'stable', True),
        '8_tau_half': (lss, .5, 'epoch', True),
        '9_tau_double': (lss, 2., 'epoch', True),
    }


@pytest.mark.parametrize('data', ['kitti', 'synthetic'])
def test_metric_learning_ablations_change_one_entry(monkeypatch, data):
    """Each row differs from the start values in one entry."""
    monkeypatch.setenv('ABLATION_DATA', data)
    start = dict(type='QuasiIsometricLoss', K=2., B=1., epsilon=10., loss_weight=.3)
    found = {}
    for path in CONFIGS:
        if path.match('ddml/ablations/*.py'):
            for item in read_file(path).model.get('auxiliary', []):
                loss = item.loss.to_dict()
                found[path.stem.split('_', 1)[1]] = {
                    key: value for key, value in [*loss.items(), ('space', item.depth_space)]
                    if start.get(key) != value and value != 'metric'}
    assert found == {
        'qi': {}, 'K_1.25': dict(K=1.25), 'K_4': dict(K=4.), 'B_0': dict(B=0.),
        'B_2': dict(B=2.), 'epsilon_5': dict(epsilon=5.), 'epsilon_20': dict(epsilon=20.),
        'epsilon_all': dict(epsilon=1000.), 'weight_0.1': dict(loss_weight=.1),
        'weight_1': dict(loss_weight=1.), 'apparent': dict(space='apparent'),
        'rank_n_contrast': dict(type='RankNContrastLoss', tau=2., loss_weight=.1),
    }


RANGES = ((.5, 1.), (1., 1.5), (1.5, 2.))
# Rows of MetricDepth's tables III to VIII: samples within and across, ranges of negatives, and
# margins. The range of the uniform strategy has no upper end.
DEPTH_ROWS = {
    '0_baseline': None,
    **{f'3_within_{count:02d}': (count, 0, RANGES[:1], (2., )) for count in (5, 10, 15, 20, 25)},
    **{f'4_across_{count:02d}': (0, count, RANGES[:1], (2., )) for count in (2, 4, 6, 8, 10)},
    **{'6_margins_' + '-'.join(f'{margin:02d}' for margin in margins):
       (10, 4, RANGES[:len(margins)], tuple(map(float, margins)))
       for margins in [(2, ), (3, ), (4, ), (5, ), (3, 4), (3, 5), (3, 6), (3, 7),
                       (3, 6, 7), (3, 6, 8), (3, 6, 9), (3, 6, 10)]},
    **{f'7_uniform_{start}_margin_{margin}': (10, 4, ((start, ), ), (float(margin), ))
       for start in (.5, 1., 1.5) for margin in (3, 4, 5, 6)},
}


def regularisation_of(cfg):
    """Return samples within and across, ranges and margins, or None without MetricDepth."""
    if not cfg.model.get('auxiliary'):
        return None
    item, = cfg.model.auxiliary
    assert (item.depth, item.loss.loss_weight, item.loss.strategy.positive_threshold) == (
        'dense', 1., .1)
    strategy = item.loss.strategy
    if strategy.type == 'UniformStrategy':
        ranges, margins = [(strategy.negative_threshold, )], [strategy.margin]
    else:
        ranges, margins = strategy.ranges, strategy.margins
    return (item.loss.num_within, item.loss.num_across, tuple(map(tuple, ranges)),
            tuple(margins))


@pytest.mark.parametrize('data', ['nyu', 'synthetic'])
def test_depth_ablations_equal_the_rows_of_the_paper(monkeypatch, data):
    monkeypatch.setenv('ABLATION_DATA', data)
    paths = [path for path in CONFIGS if path.match('metricdepth/ablations/*.py')]
    assert {path.stem: regularisation_of(read_file(path)) for path in paths} == DEPTH_ROWS
    for path in paths:
        title = path.read_text(encoding='utf-8').partition('\n')[0]
        assert re.search(r'\(tables? [IV]+.*: AbsRel 0\.1\d{3}, RMSE 0\.4\d{3}, delta1 0\.8\d{3}',
                         title), path


def test_depth_ablations_train_on_nyu_by_default(monkeypatch):
    monkeypatch.delenv('ABLATION_DATA', raising=False)
    assert read('6_margins_03-06-08').train_dataloader.dataset.type == 'NYUDepthDataset'


@pytest.mark.parametrize('data, model, ranges, margins', [
    ('nyu', 'lt', ((.5, 1.), (1., 1.5), (1.5, 2.)), (3., 6., 8.)),
    ('nyu', 'bts', ((.5, 1.), (1., 1.5), (1.5, 2.)), (2., 4., 6.)),
    ('nyu', 'newcrfs', ((.5, 1.), (1., 1.5)), (5., 9.)),
    ('kitti', 'lt', ((1., 5.), (5., 10.), (10., 15.)), (2., 3., 3.5)),
    ('kitti', 'bts', ((1., 5.), (5., 10.)), (1., 1.5)),
    ('kitti', 'newcrfs', ((1., 5.), (5., 10.)), (4., 7.))])
def test_metric_depth_equals_tables_I_and_II(data, model, ranges, margins):
    assert regularisation_of(read(f'{model}_multi-range_{data}')) == (10, 4, ranges, margins)
    alone, regularised = read(f'{model}_{data}'), read(f'{model}_multi-range_{data}')
    assert regularisation_of(alone) is None
    for cfg in (alone, regularised):
        cfg.pop('multi_range', None), cfg.model.pop('auxiliary', None)
        assert cfg.model.decode_head.depth_range == dict(nyu=(.1, 10.), kitti=(1., 80.))[data]
    assert alone.to_dict() == regularised.to_dict()


def test_depth_schedules_equal_those_of_the_papers():
    for name, optimizer, epochs, batch in [
            ('bts_nyu', dict(type='AdamW', lr=1e-4, eps=1e-6, weight_decay=1e-2), 50, 16),
            ('newcrfs_nyu', dict(type='Adam', lr=1e-4), 20, 8),
            ('lt_nyu', dict(type='Adam', lr=1e-4), 20, 8)]:
        cfg = read(name)
        decay, = cfg.param_scheduler
        assert cfg.optim_wrapper.optimizer.to_dict() == optimizer
        assert (decay.type, decay.power, decay.eta_min, decay.end) == ('PolyLR', .9, 1e-5, epochs)
        assert cfg.train_cfg.max_epochs == epochs
        assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == batch
    for data, reference in [('nyu', None), ('kitti', 715.0873)]:
        assert read(f'bts_{data}').model.decode_head.get('reference_focal') == reference


def test_only_the_encoder_of_bts_has_weight_decay():
    cfg = read('bts_kitti')
    cfg.model.backbone.init_cfg = None
    model = build_without_memory(cfg.model)
    decay = {id(weight): group['weight_decay'] for group in
             build_optim_wrapper(model, cfg.optim_wrapper).param_groups
             for weight in group['params']}
    learned = {name: decay[id(weight)] for name, weight in model.named_parameters()
               if weight.requires_grad}
    assert {name.partition('.')[0]: value for name, value in learned.items()} == dict(
        backbone=1e-2, decode_head=0.)
    assert set(learned.values()) == {0., 1e-2}
    assert 'backbone.body.conv1.weight' not in learned


def test_monolss_on_kitti_has_the_recipe_of_the_paper():
    cfg = read('monolss_dla34_kitti')
    crop = next(item for item in cfg.train_dataloader.dataset.pipeline
                if item.type == 'CropScaleAffine')
    assert (crop.input_size, crop.prob, crop.scale, crop.shift) == ((1280, 384), .5, .4, .1)
    assert cfg.train_dataloader.batch_size == 16 and cfg.train_cfg.max_epochs == 600
    assert cfg.param_scheduler[1].milestones == [245, 365, 485]
    hooks = {hook.type: hook for hook in cfg.custom_hooks}
    assert hooks['HierarchicalTaskHook'].full_epoch == 140
    assert hooks['SampleSelectionWarmupHook'].start_epoch == 100
    selector = cfg.model.object_head.depth_head.sample_selector
    assert (selector.type, selector.tau, selector.ratio_threshold, selector.loss_factor) == (
        'LearnableSampleSelector', 1., 1000., 10.)
    mixup = cfg.train_dataloader.dataset.pipeline[0]
    assert (mixup.type, mixup.prob, mixup.blend) == ('MixUp3D', .5, .5)
    assert cfg.model.backbone.init_cfg.checkpoint.startswith('http://dl.yf.io/dla/')


@pytest.mark.parametrize('name, base_rate, steps', [
    ('monodle_dla34_kitti', 1.25e-3, [90, 120]),
    ('gupnet_dla34_kitti', 1.25e-3, [90, 120]),
    ('didm3d_dla34_kitti', 1e-3, [90, 120]),
    ('monolss_dla34_kitti', 1e-3, [240, 360, 480]),
    ('gupnet_dla34_waymo', 1.25e-3, [18, 26]),
])
def test_learning_rates_equal_those_of_the_released_trainers(name, base_rate, steps):
    """The released trainers step the warm-up in epochs 0 to 4 and the decay from epoch 5 on."""
    cfg = read(name)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))],
                                lr=cfg.optim_wrapper.optimizer.lr)
    schedulers = [PARAM_SCHEDULERS.build(item, default_args=dict(optimizer=optimizer))
                  for item in cfg.param_scheduler]
    for epoch in range(cfg.train_cfg.max_epochs):
        if epoch < 5:
            share = (1 - math.cos(math.pi * epoch / 5)) / 2
            expected = 1e-5 + (base_rate - 1e-5) * share
        else:
            expected = base_rate * .1 ** sum(epoch - 5 >= step for step in steps)
        assert optimizer.param_groups[0]['lr'] == pytest.approx(expected, rel=1e-9), epoch
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()


@pytest.mark.parametrize('method', ['monodle', 'gupnet', 'didm3d', 'monolss'])
def test_reference_heads_are_initialised_as_in_the_released_code(method):
    cfg = read(f'{method}_dla34_kitti_reference')
    cfg.model.backbone.init_cfg = None
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.dense_head.init_weights()
    model.object_head.init_weights()
    normal = [*model.dense_head.offset_2d, *model.dense_head.size_2d]
    objects = list(model.object_head.modules())
    if method == 'monodle':
        normal, objects = [*normal, *objects], []
    for layer in [*normal, *objects]:
        if not isinstance(layer, torch.nn.Conv2d):
            continue
        assert not layer.bias.any()
        fans = [layer.weight[0].numel(), layer.weight[:, 0].numel()]
        # A uniform distribution up to its limit has a standard deviation of limit / sqrt(3).
        std = math.sqrt(2 / sum(fans)) if layer in objects else .001
        assert layer.weight.std().item() == pytest.approx(std, rel=.2)
        if layer in objects:
            assert layer.weight.abs().max() <= math.sqrt(6 / sum(fans))


def test_training_drops_incomplete_batches_as_the_released_trainers_do():
    dropped = {name: read(f'{name}_dla34_kitti').train_dataloader.get('drop_last', False)
               for name in ('monodle', 'gupnet', 'didm3d', 'monolss')}
    assert dropped == dict(monodle=True, gupnet=False, didm3d=True, monolss=True)


def test_monodle_reference_has_three_heatmap_classes_and_trains_cars():
    cfg = read('monodle_dla34_kitti_reference')
    classes = ['Pedestrian', 'Car', 'Cyclist']
    data = cfg.train_dataloader.dataset
    assert data.dataset.metainfo.classes == cfg.model.coder.class_names == classes
    assert cfg.test_dataloader.dataset.metainfo.classes == classes
    assert cfg.model.dense_head.num_classes == 3
    objects, = (item for item in data.pipeline if item.type == 'FilterObjects')
    assert (objects.labels, objects.depth_range) == ([1], (2., 65.))
    assert cfg.model.assigner.label_alphas and data.dataset.pipeline[1].alphas


def test_biases_have_no_weight_decay():
    cfg = read('monolss_dla34_kitti')
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).param_groups
    decay = {id(parameter): group['weight_decay'] for group in groups
             for parameter in group['params']}
    for name, parameter in model.named_parameters():
        if name.endswith('bias'):
            assert decay[id(parameter)] == 0, name
    assert decay[id(model.neck.ida_0.proj_1.conv.weight)] == 1e-5


def test_trainval_config_predicts_the_test_split():
    cfg = read('monolss_dla34_kitti_trainval')
    assert cfg.train_dataloader.dataset.dataset.ann_file == 'ImageSets/trainval.txt'
    assert 'label' not in cfg.test_dataloader.dataset.data_prefix
    assert cfg.test_evaluator.format_only and cfg.val_dataloader is None


@pytest.mark.parametrize('name, evaluator, window, angle', [
    ('lt_nyu', dict(min_depth=1e-3, max_depth=10., crop='nyu'), (544, 416), 2.5),
    ('lt_kitti', dict(min_depth=1e-3, max_depth=80., crop='garg'), (704, 352), 1.),
    ('bts_nyu', dict(min_depth=1e-3, max_depth=10., crop='nyu'), (544, 416), 2.5),
    ('bts_kitti', dict(min_depth=1e-3, max_depth=80., crop='garg'), (704, 352), 1.)])
def test_depth_training_and_evaluation_are_as_published(name, evaluator, window, angle):
    """Depth caps and crops of the public evaluation, windows and angles of BTS's training."""
    cfg = read(name)
    assert cfg.test_evaluator == dict(type='DepthMetric', **evaluator)
    pipeline = {item.type: item for item in cfg.train_dataloader.dataset.pipeline}
    if name.startswith('bts') or name == 'lt_nyu':
        assert tuple(pipeline['CropRotate'].size) == window
    assert pipeline['CropRotate'].max_angle == angle
    head = cfg.model.decode_head
    assert (head.loss_depth.alpha, head.loss_depth.focus) == (10., .85)
    assert head.depth_range[1] == evaluator['max_depth']
    assert not cfg.model.test_cfg.flip


def test_monocon_optimizer_has_the_parameter_groups_of_the_released_code():
    """Biases learn twice as fast. Biases and all weights of normalisations do not decay."""
    cfg = read('monocon_dla34_kitti')
    model = build_without_memory(cfg.model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    assert type(wrapper.optimizer) is torch.optim.AdamW
    assert wrapper.clip_grad_kwargs == dict(max_norm=35, norm_type=2)
    groups = {id(parameter): group for group in wrapper.optimizer.param_groups
              for parameter in group['params']}
    counts = dict(weight=0, bias=0, norm=0)
    for title, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, (torch.nn.BatchNorm2d, AttentiveBatchNorm2d)):
                kind, expected = 'norm', (2.25e-4, 0.)
            else:
                kind = name
                expected = dict(weight=(2.25e-4, 1e-5), bias=(4.5e-4, 0.))[name]
            counts[kind] += 1
            group = groups.pop(id(parameter))
            assert (group['lr'], group['weight_decay']) == expected, f'{title}.{name}'
            assert group['betas'] == (.95, .99)
    # Nine branches have two convolutions with biases. The backbone and the neck have none.
    assert not groups and counts['bias'] == 18 and counts['norm'] > 9 * 4
    assert cfg.train_cfg.max_epochs == 200 and cfg.train_dataloader.batch_size == 8


def test_monocon_cycles_equal_those_of_the_released_code():
    """Cosine from 1 to 10 to 1e-4 times each learning rate, and from 0.95 to 0.85 to 0.95."""
    cfg = read('monocon_dla34_kitti')
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.AdamW([dict(params=weights[:1], lr=2.25e-4),
                                   dict(params=weights[1:], lr=4.5e-4)], betas=(.95, .99))
    length = 20  # iterations per epoch
    schedulers = []
    for item in cfg.param_scheduler:
        item = dict(item)
        assert item.pop('convert_to_iter_based')
        schedulers.append(PARAM_SCHEDULERS.get(item.pop('type')).build_iter_from_epoch(
            optimizer=optimizer, epoch_length=length, **item))
    total = cfg.train_cfg.max_epochs * length
    up = int(.4 * total)

    def cosine(start, end, share):
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2

    for step in range(total):
        if step < up:
            rate, momentum = (cosine(*ends, step / up) for ends in ((1, 10), (.95, .85)))
        else:
            rate, momentum = (cosine(*ends, (step - up) / (total - up))
                              for ends in ((10, 1e-4), (.85, .95)))
        for group, base in zip(optimizer.param_groups, (2.25e-4, 4.5e-4)):
            assert group['lr'] == pytest.approx(base * rate, rel=1e-5), step
            assert group['betas'] == (pytest.approx(momentum, rel=1e-5), .99), step
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()


@pytest.mark.parametrize('data, epoch', [('kitti', 15), ('cityscapes', 5)])
def test_multi_frame_depth_is_trained_as_published(data, epoch):
    """Watson et al. (2021): Adam, batch 12, 20 epochs, the student alone from a given epoch."""
    cfg = read(f'manydepth_{data}')
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (20, 12)
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=1e-4)
    assert [(item.type, item.step_size, item.gamma) for item in cfg.param_scheduler] == [
        ('StepLR', 15, .1)]
    freeze, = (hook for hook in cfg.custom_hooks if hook.type == 'FreezeTeacherHook')
    assert freeze.epoch == epoch
    model = cfg.model
    assert (model.depth_bins.num_bins, model.static_prob, model.no_motion_prob) == (96, .25, .25)
    assert model.decode_head.depth_range == model.teacher.decode_head.depth_range == (.1, 100.)
    color = next(item for item in cfg.train_dataloader.dataset.pipeline
                 if item.type == 'ClipColorJitter')
    assert [color[name] for name in ('prob', 'brightness', 'contrast', 'saturation', 'hue')] == [
        .5, .2, .2, .2, .1]
    assert cfg.input_size == dict(kitti=(640, 192), cityscapes=(512, 192))[data]


@pytest.mark.parametrize('data', ['kitti', 'cityscapes', 'synthetic'])
def test_motion_aware_configs_differ_in_their_hints(data):
    hints = {}
    for name in ('manydepth_temporal', 'manydepth_distil', 'mal', 'mal_gate'):
        model = read(f'{name}_{data}').model
        loss, base = model.loss, read(f'manydepth_{data}').model
        hints[name] = loss.temporal, loss.distil, 'motion_gate' in loss
        # Masks of instances are read where the temporal hint needs them.
        assert bool(model.get('instances')) == loss.temporal
        assert loss.get('depth_range', (.1, 100.)) == model.decode_head.depth_range
        assert {key: value for key, value in model.items()
                if key not in ('loss', 'instances', 'loss_scales')} == {
            key: value for key, value in base.items() if key != 'loss'}
    assert hints == dict(manydepth_temporal=(True, False, False),
                         manydepth_distil=(False, True, False), mal=(True, True, False),
                         mal_gate=(True, True, True))


SHARES = ('all', 'tenth')


def pretraining_row(name, share):
    """Return a config of configs/pretraining and the initialisation of its backbone."""
    cfg = read(f'{name}_{share}_synthetic')
    return cfg, cfg.model.backbone.pop('init_cfg')


@pytest.mark.parametrize('share', SHARES)
def test_pretraining_rows_differ_in_the_initialisation(share):
    scratch, init_cfg = pretraining_row('scratch', share)
    assert init_cfg is None
    for name in ('crops', 'clips', 'depth'):
        cfg, init_cfg = pretraining_row(name, share)
        assert f'/encoder_{name}_synthetic/' in init_cfg.checkpoint
        for key in ('model', 'train_dataloader', 'val_dataloader', 'train_cfg', 'optim_wrapper',
                    'param_scheduler', 'acceleration', 'custom_hooks'):
            assert cfg[key] == scratch[key], key
    for loss in ('qi', 'multi-range') if share == 'all' else ():
        for name in ('scratch', 'crops'):
            cfg, init_cfg = pretraining_row(f'{name}_{loss}', share)
            assert init_cfg == pretraining_row(name, share)[1]
            assert len(cfg.model.pop('auxiliary')) == 1 and cfg.model == scratch.model


def test_a_tenth_of_the_frames_has_equal_iterations(monkeypatch):
    everything = read('scratch_all_synthetic')
    assert 'indices' not in everything.train_dataloader.dataset.dataset
    parts = []
    for seed in range(11):
        monkeypatch.setenv('ABLATION_SEED', str(seed))
        cfg = read('scratch_tenth_synthetic')
        indices = cfg.train_dataloader.dataset.dataset.pop('indices')
        # 240 frames, the size of the set of the ablations
        assert len(indices) == 240 and sorted(indices) == sorted(10 * list(set(indices)))
        assert cfg.train_dataloader == everything.train_dataloader
        parts.append(set(indices))
    assert parts[10] == parts[0] and sorted(i for part in parts[:10] for i in part) == list(
        range(240))


def test_monocon_reference_keeps_the_size_of_the_images():
    plain, cfg = read('monocon_dla34_kitti'), read('monocon_dla34_kitti_reference')
    steps = {item.type: item for item in cfg.train_dataloader.dataset.pipeline}
    assert list(steps) == ['mmdet.PhotoMetricDistortion', 'RandomFlipMono3D', 'FilterObjects',
                           'RandomShiftMono3D', 'PackMono3DInputs']
    assert (steps['RandomShiftMono3D'].prob, steps['RandomShiftMono3D'].max_shift) == (.5, 32)
    assert steps['RandomFlipMono3D'].prob == .5
    objects = steps['FilterObjects']
    assert (objects.min_height, objects.max_truncation, objects.max_occlusion,
            objects.depth_range) == (26, .5, 2, (2., 65.))
    for split in ('val', 'test'):
        assert [item.type for item in cfg[f'{split}_dataloader'].dataset.pipeline] == [
            'LoadImageMono3D', 'RandomShiftMono3D', 'PackMono3DInputs']
    assert cfg.model.data_preprocessor.pad_size_divisor == 32
    assert cfg.model.coder.projective_depth
    assert 'projective_depth' not in plain.model.coder
    assert cfg.optim_wrapper == plain.optim_wrapper


def test_configs_inside_checkpoints_are_accepted():
    """A checkpoint of each detector and depth estimator predicts without its config file."""
    for path in CONFIGS:
        cfg = read_file(path)
        if cfg.model.type != 'Embedder':
            deployed = deploy_config(cfg)
            drop_pretrained(deployed.model)
            check_parts(deployed, path.name)
