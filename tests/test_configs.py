"""Every config of the project reads, and describes models and schedules that build."""
from pathlib import Path

import pytest
from mmdet3d.registry import MODELS, TRANSFORMS
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

CONFIGS = sorted(path for path in Path(__file__).parents[1].glob('configs/**/*.py')
                 if '_base_' not in path.parts)


def read(name):
    return Config.fromfile(next(path for path in CONFIGS if path.stem == name))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_builds(path):
    cfg = Config.fromfile(path)
    detector = cfg.model.get('detector', cfg.model)
    detector.backbone.init_cfg = None
    if detector.type == 'SMOKEMono3D':
        detector.neck.use_dcn = False
    if 'dcn_on_last_conv' in detector.get('bbox_head', {}):
        detector.bbox_head.dcn_on_last_conv = False
    model = MODELS.build(cfg.model)
    dataset = cfg.train_dataloader.dataset
    for item in [*dataset.get('pipeline', []), *dataset.get('dataset', {}).get('pipeline', [])]:
        TRANSFORMS.build(item)
    assert sum(parameter.numel() for parameter in model.parameters()) > 1e6


@pytest.mark.parametrize('data', ['kitti', 'synthetic'])
def test_ablations_vary_what_they_say(monkeypatch, data):
    """Each row differs from the full recipe in its own entry, on every set."""
    monkeypatch.setenv('ABLATION_DATA', data)
    rows = {}
    for path in CONFIGS:
        if path.match('monolss/ablations/*.py'):
            cfg = Config.fromfile(path)
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
def test_metric_learning_ablations_vary_what_they_say(monkeypatch, data):
    """Each row differs from the start values in its own entry alone."""
    monkeypatch.setenv('ABLATION_DATA', data)
    start = dict(type='QuasiIsometricLoss', K=2., B=1., epsilon=10., loss_weight=.1)
    found = {}
    for path in CONFIGS:
        if path.match('ddml/ablations/*.py'):
            for item in Config.fromfile(path).model.get('auxiliary', []):
                loss = item.loss.to_dict()
                found[path.stem.split('_', 1)[1]] = {
                    key: value for key, value in [*loss.items(), ('space', item.depth_space)]
                    if start.get(key) != value and value != 'metric'}
    assert found == {
        'qi': {}, 'K_1.25': dict(K=1.25), 'K_4': dict(K=4.), 'B_0': dict(B=0.),
        'B_2': dict(B=2.), 'epsilon_5': dict(epsilon=5.), 'epsilon_20': dict(epsilon=20.),
        'epsilon_all': dict(epsilon=1000.), 'weight_0.03': dict(loss_weight=.03),
        'weight_0.3': dict(loss_weight=.3), 'apparent': dict(space='apparent'),
        'rank_n_contrast': dict(type='RankNContrastLoss', tau=2.),
    }


def test_kitti_carries_the_papers_recipe():
    cfg = read('monolss_dla34_kitti')
    crop = next(item for item in cfg.train_dataloader.dataset.pipeline
                if item.type == 'CropScaleAffine')
    assert (crop.input_size, crop.prob, crop.scale, crop.shift) == ((1280, 384), .5, .4, .1)
    assert cfg.train_dataloader.batch_size == 16 and cfg.train_cfg.max_epochs == 600
    assert cfg.param_scheduler[1].milestones == [240, 360, 480]
    hooks = {hook.type: hook for hook in cfg.custom_hooks}
    assert hooks['HierarchicalTaskHook'].full_epoch == 140
    assert hooks['SampleSelectionWarmupHook'].start_epoch == 100
    selector = cfg.model.object_head.depth_head.sample_selector
    assert (selector.type, selector.tau, selector.ratio_threshold, selector.loss_factor) == (
        'LearnableSampleSelector', 1., 1000., 10.)
    mixup = cfg.train_dataloader.dataset.pipeline[0]
    assert (mixup.type, mixup.prob, mixup.blend) == ('MixUp3D', .5, .5)
    assert cfg.model.backbone.init_cfg.checkpoint.startswith('http://dl.yf.io/dla/')


def test_biases_do_not_decay():
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


def test_trainval_predicts_the_test_split():
    cfg = read('monolss_dla34_kitti_trainval')
    assert cfg.train_dataloader.dataset.dataset.ann_file == 'ImageSets/trainval.txt'
    assert 'label' not in cfg.test_dataloader.dataset.data_prefix
    assert cfg.test_evaluator.format_only and cfg.val_dataloader is None
