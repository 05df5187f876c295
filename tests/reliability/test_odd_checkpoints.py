"""Checkpoints with odd weights or an odd state of a training are refused before they are used."""
import copy
import io
import json
from collections import OrderedDict

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.runner import CheckpointLoader, Runner
from reliability.toy_runner import ToyEstimator, toy_config
from safetensors.torch import save_file

from mmdet3d_plugin.engine import checkpoint_content
from mmdet3d_plugin.engine.checkpoint_content import check_content, weights_of
from mmdet3d_plugin.engine.checkpoints import check_checkpoint, check_weights
from mmdet3d_plugin.engine.hooks import (
    CheckpointCheckHook,
    ClusterLabelHook,
    FreezeTeacherHook,
    HierarchicalTaskHook,
    InterruptionHook,
    LossBalancerHook,
    NeighbourTableHook,
    SampleSelectionWarmupHook,
)
from mmdet3d_plugin.engine.model_folder import model_card
from mmdet3d_plugin.engine.safe_loading import load_plain_checkpoint
from mmdet3d_plugin.engine.trained_model import TrainedModel, read_trained_model
from mmdet3d_plugin.engine.training_state import check_hook_states
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.backbones import EncoderInit
from mmdet3d_plugin.models.backbones.pretrained_init import CheckedPretrainedInit


def with_attribute(name, value):
    weights = OrderedDict(a=torch.ones(1))
    setattr(weights, name, value)
    return weights


NAN, INF = float('nan'), float('inf')
ODD_WEIGHTS = {
    'nothing': (None, 'state_dict is a NoneType, not tensors by name'),
    'a list': ([torch.ones(1)], 'state_dict is a list, not tensors by name'),
    'empty': ({}, 'state_dict is an empty dict, not tensors by name'),
    'numbers as names': ({1: torch.ones(1)}, 'state_dict.1 has a name that is no short text'),
    'mixed names': ({'a': torch.ones(1), None: torch.ones(1)}, 'state_dict.None has a name'),
    'a long name': ({'a' * 301: torch.ones(1)}, 'has a name that is no short text'),
    'nested': ({'b': {'a': torch.ones(1)}}, 'state_dict.b is a dict, not a tensor'),
    'a number': ({'a': 3}, 'state_dict.a is a int, not a tensor'),
    'meta': ({'a': torch.ones(2, device='meta')}, r'state_dict.a holds no numbers \(device meta'),
    'complex': ({'a': torch.ones(2, dtype=torch.complex64)}, 'state_dict.a is of type torch.com'),
    'float8': ({'a': torch.ones(2).to(torch.float8_e4m3fn)}, 'state_dict.a is of type torch.fl'),
    'quantised': ({'a': torch.quantize_per_tensor(torch.ones(3), .1, 0, torch.qint8)},
                  'state_dict.a is of type torch.qint8'),
    'sparse': ({'a': torch.ones(3).to_sparse()}, 'state_dict.a is no dense tensor'),
    'flags': ({'a.weight': torch.ones(2, dtype=torch.bool)}, 'a.weight is of type torch.bool'),
    '8 bits': ({'a.running_mean': torch.ones(2, dtype=torch.int8)}, 'is of type torch.int8'),
    'all NaN': ({'a': torch.full((2, ), NAN)}, 'state_dict.a holds NaN or infinity'),
    'one infinity': ({'a': torch.tensor([1., -INF])}, 'state_dict.a holds NaN or infinity'),
    'repeated': ({'a': torch.ones(1).expand(10 ** 6, 10 ** 6)}, 'repeats the same stored numbers'),
    'an attribute': (with_attribute('note', 3), 'state_dict has odd attributes'),
    'odd versions': (with_attribute('_metadata', {'': 3}), 'state_dict has odd attributes'),
}


def stored(content):
    """Return content as it loads from a file."""
    file = io.BytesIO()
    torch.save(content, file)
    file.seek(0)
    return torch.load(file, weights_only=True, map_location='cpu')


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('kind', ODD_WEIGHTS)
def test_odd_weights(tmp_path, kind):
    weights, reason = ODD_WEIGHTS[kind]
    torch.save(dict(state_dict=weights), tmp_path / 'a.pth')
    with pytest.raises(InputError, match=f'/a.pth: .*{reason}'):
        load_plain_checkpoint(tmp_path / 'a.pth')
    with pytest.raises(InputError, match=reason):  # the way of mmengine's initialisation
        CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'))


def test_odd_weights_without_an_entry_and_in_other_entries():
    for content, reason in (
            ({'a': torch.tensor(NAN)}, 'f: a holds NaN'), ({3: torch.ones(1)}, 'f: 3 has a name'),
            ({'model': {'a': torch.tensor(INF)}}, 'f: model.a holds NaN or inf'),
            ({'model_state': {'a\n': torch.ones(1)}}, r'f: model_state.a\\n has a name'),
            ({'b\x1b[31m': torch.ones(1)}, r'f: b\\x1b\[31m has a name')):
        with pytest.raises(InputError, match=reason):
            check_content(stored(content), 'f')
    # An optimiser of others may hold infinity; nothing reads it.
    check_content(stored({'a': torch.ones(1), 'optim': {0: {'x': torch.tensor(INF)}}}), 'f')


def test_weights_in_a_model_folder(tmp_path):
    save_file({'a.weight': torch.tensor([NAN])}, str(tmp_path / 'model.safetensors'))
    with pytest.raises(InputError, match='model.safetensors: state_dict.a.weight holds NaN'):
        load_plain_checkpoint(tmp_path / 'model.safetensors')
    (tmp_path / 'model.safetensors').write_bytes(b'')
    with pytest.raises(InputError, match=r'a readable file of weights \(\w.*\)'):
        load_plain_checkpoint(tmp_path / 'model.safetensors')


def shared_lists(levels):
    values = [1.] * 10
    for _ in range(levels):
        values = [values] * 10
    return values


def nested_lists(levels):
    values = []
    for _ in range(levels):
        values = [values]
    return values


@pytest.mark.parametrize('value, reason', [
    (shared_lists(9), 'hold more than'), (nested_lists(25), 'is nested deeper than 20 levels'),
    (10 ** 400, 'x is a number of too many digits')])
def test_content_that_grows_in_memory(monkeypatch, value, reason):
    monkeypatch.setattr(checkpoint_content, 'MAX_VALUES', 2000)
    with pytest.raises(InputError, match=reason):
        check_content(stored(dict(state_dict=dict(a=torch.ones(1)), x=value)), 'f')
    check_content(stored(dict(state_dict=dict(a=torch.ones(1)), x=nested_lists(15))), 'f')


def test_a_list_in_itself():
    values = []
    values.append(values)
    with pytest.raises(InputError, match='is nested deeper'):
        check_content(stored(dict(x=values)), 'f')


def test_weights_of_an_entry_or_of_all():
    weights = {'a': torch.ones(1)}
    assert weights_of(dict(state_dict=weights, meta=1), 'f') is weights
    assert weights_of(weights, 'f') is weights
    assert weights_of(dict(model=weights, state_dict=3), 'f', ('model', 'state_dict')) is weights
    for content in ({'epoch': 3}, {}, {'model': weights}, {'state_dict': [1]}):
        with pytest.raises(InputError, match='f: holds no weights by name'):
            weights_of(content, 'f')


@pytest.mark.parametrize('name, value, reason', [
    ('weight', torch.ones(3, 1), r'weight has the shape \(3, 1\) in place of \(3,\)'),
    ('num_batches_tracked', torch.tensor(1.),
     'num_batches_tracked is of type torch.float32 in place of torch.int64'),
    ('bias', torch.ones(3, dtype=torch.int64), 'bias is of type torch.int64 in place of'),
    ('bias', None, 'bias is missing'), ('gain', torch.ones(3), 'gain is unknown')])
def test_weights_that_do_not_fit_a_model(name, value, reason):
    model = torch.nn.BatchNorm1d(3)
    weights = {**model.state_dict(), name: value}
    weights = {key: item for key, item in weights.items() if item is not None}
    with pytest.raises(InputError, match=f'first odd one: {reason}'):
        check_weights('a.pth', weights, model)


@pytest.mark.parametrize('prefix', [None, 'backbone', 'backbone.'])
def test_initialisation_by_a_checkpoint(tmp_path, prefix):
    """Entries of one side only are left out; those that do not fit are refused."""
    source, own = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    start = '' if prefix is None else 'backbone.'

    def initialise(**changes):
        weights = {f'module.{start}{key}': value
                   for key, value in {**source.state_dict(), **changes}.items()}
        torch.save(dict(state_dict={**weights, 'module.head.fc': torch.ones(1)}),
                   tmp_path / 'a.pth')
        CheckedPretrainedInit(str(tmp_path / 'a.pth'), prefix)(own)

    initialise()
    assert torch.equal(own.weight, source.weight) and torch.equal(own.bias, source.bias)
    for changes, reason in ((dict(weight=torch.ones(2, 3)), 'weight has the shape'),
                            (dict(bias=torch.ones(1)), 'bias has the shape')):
        with pytest.raises(InputError, match=f'a.pth: not the weights of this Linear .{reason}'):
            initialise(**changes)
    torch.save({'head.weight': torch.ones(1)}, tmp_path / 'a.pth')
    with pytest.raises(InputError, match='no entry of the module under'):
        CheckedPretrainedInit(str(tmp_path / 'a.pth'), prefix)(own)


def test_initialisation_is_registered_in_place_of_mmengines():
    from mmengine.registry import WEIGHT_INITIALIZERS
    assert WEIGHT_INITIALIZERS.get('Pretrained') is CheckedPretrainedInit


def test_an_encoder_of_whole_numbers(tmp_path):
    torch.save({'backbone.gain': torch.ones(2, dtype=torch.int64)}, tmp_path / 'a.pth')
    module = torch.nn.Module()
    module.gain = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(InputError, match='gain is of type torch.int64 in place of torch.float32'):
        EncoderInit(str(tmp_path / 'a.pth'), 'backbone.')(module)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A run after its last step, and the content of its checkpoint."""
    return train(tmp_path_factory.mktemp('trained'))


def train(folder, **changes):
    MessageHub._instance_dict.clear()
    runner = Runner.from_cfg(toy_config(
        folder, optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=.1)),
        param_scheduler=[dict(type='CosineAnnealingLR', T_max=4), dict(
            type='MultiStepLR', milestones=[3])],
        custom_hooks=[dict(type='PlainCheckpointHook'), dict(type='InterruptionHook')],
        experiment_name=folder.name, **changes))
    runner.register_hook(CheckpointCheckHook())
    runner.train()
    path = folder / 'epoch_1.pth'
    return runner, torch.load(path, weights_only=True) if path.is_file() else None


def changed(content, path, value):
    """Return content with another value at a path of keys; without it for KeyError."""
    content = copy.deepcopy(content)
    *path, last = path
    place = content
    for key in path:
        place = place[key]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return content


MOMENT = ('optimizer', 'state', 0)
GROUP = ('optimizer', 'param_groups', 0)
ODD_STATES = [
    (('meta', ), None, 'meta is not a dict'), (('meta', ), [], 'meta is not a dict'),
    (('meta', 'epoch'), '1', 'meta.epoch is not a whole number'),
    (('meta', 'epoch'), True, 'meta.epoch is not a whole number'),
    (('meta', 'iter'), -1, 'meta.iter is not a whole number'),
    (('meta', 'iter'), KeyError, 'meta.iter is missing'),
    (('meta', 'iter'), 9, 'iteration 9 is not in epoch 1 of 2 batches'),
    (('meta', 'iter'), 1, 'iteration 1 is not in epoch 1 of 2 batches'),
    (('meta', 'seed'), 'a', 'meta.seed is not a whole number below'),
    (('meta', 'seed'), 1 << 32, 'meta.seed is not a whole number below'),
    (('message_hub', ), None, 'message_hub is not a dict'),
    (('message_hub', 'runtime_info'), 3, 'message_hub.runtime_info is not a dict'),
    (('message_hub', 'runtime_info', 'keep_ckpt_ids'), ['../../a'], 'keep_ckpt_ids.0 is not a wh'),
    (('message_hub', 'runtime_info', 'best_score'), 'a', 'has an odd best_score'),
    (('message_hub', 'runtime_info', 'a\x1b'), 1, r'has an odd a\\x1b'),
    (('message_hub', 'resumed_keys', 'epoch'), False, 'message_hub has an odd epoch'),
    (('message_hub', 'log_scalars'), KeyError, 'message_hub.log_scalars is missing'),
    (('train_loop', ), 3, 'train_loop is not a dict'),
    (('train_loop', 'batches_per_epoch'), 0, 'batches_per_epoch is not a whole number of at le'),
    (('train_loop', 'validating'), 'no', 'train_loop.validating is not true or false'),
    (('optimizer', ), None, 'optimizer is not a dict'), (('optimizer', ), {}, 'state is missing'),
    (('optimizer', 'param_groups'), [], 'optimizer has 0 groups of parameters, expected 1'),
    (('optimizer', 'param_groups'), None, 'optimizer.param_groups is not a list'),
    ((*GROUP, 'params'), [0, 1, 2], 'param_groups.0 has other parameters'),
    ((*GROUP, 'params'), [[]], 'param_groups.0.params.0 is not a whole number'),
    ((*GROUP, 'lr'), 'fast', 'param_groups.0.lr is odd'), ((*GROUP, 'lr'), NAN, 'lr is odd'),
    ((*GROUP, 'lr'), None, 'lr is odd'), ((*GROUP, 'lr'), KeyError, 'lr is missing'),
    ((*GROUP, 'betas'), (.9, ), 'betas is odd'), ((*GROUP, 'betas'), (.9, 1.5), 'betas are not'),
    ((*GROUP, 'amsgrad'), 'yes', 'amsgrad is odd'),
    ((*GROUP, 'amsgrad'), True, 'state.[0-3].max_exp_avg_sq is missing'),
    ((*GROUP, 'capturable'), True, 'capturable is odd'),
    ((*GROUP, 'capturable'), torch.zeros(2), 'capturable is odd'),
    (('optimizer', 'state'), [], 'optimizer.state is not a dict'),
    (('optimizer', 'state', 9), {}, 'state.9 belongs to no parameter'),
    (('optimizer', 'state', 'a'), {}, 'state.a belongs to no parameter'),
    (MOMENT, None, 'state.0 is not a dict'),
    ((*MOMENT, 'exp_avg'), KeyError, 'state.0.exp_avg is missing'),
    ((*MOMENT, 'exp_avg'), torch.ones(3), 'state.0.exp_avg is odd'),
    ((*MOMENT, 'exp_avg'), 'a', 'state.0.exp_avg is odd'),
    ((*MOMENT, 'exp_avg_sq'), torch.full((4, 3, 3, 3), NAN), 'state.0.exp_avg_sq is odd'),
    ((*MOMENT, 'exp_avg'), torch.ones(4, 3, 3, 3, dtype=torch.int64), 'state.0.exp_avg is odd'),
    ((*MOMENT, 'step'), -1., 'state.0.step is odd'), ((*MOMENT, 'step'), [1], 'step is odd'),
    ((*MOMENT, 'step'), torch.ones(2), 'state.0.step is odd'),
    ((*MOMENT, 'note'), 'a', 'state.0.note is odd'),
    (('optimizer', 'loss_scaler'), {'scale': 'a'}, 'loss_scaler is not numbers by name'),
    (('optimizer', 'base_param_settings'), {'lr': 1.}, 'base_param_settings is odd'),
    (('param_schedulers', ), {'a': []}, 'param_schedulers is not a list of 2 schedules'),
    (('param_schedulers', ), [], 'param_schedulers is not a list of 2 schedules'),
    (('param_schedulers', 0), 3, 'param_schedulers.0 is no state of a CosineAnnealingLR'),
    (('param_schedulers', 0, 'step'), 3, 'param_schedulers.0 is no state of a CosineAnnealingLR'),
    (('param_schedulers', 0, 'last_step'), 'a', 'param_schedulers.0.last_step is odd'),
    (('param_schedulers', 0, 'last_step'), -1, 'param_schedulers.0.last_step is odd'),
    (('param_schedulers', 0, 'T_max'), 0, 'param_schedulers.0.T_max is odd'),
    (('param_schedulers', 0, 'base_values'), [], 'param_schedulers.0.base_values is odd'),
    (('param_schedulers', 0, 'base_values'), ['a'], 'param_schedulers.0.base_values is odd'),
    (('param_schedulers', 1, 'milestones'), {3: 'a'}, 'param_schedulers.1.milestones is odd'),
    (('param_schedulers', 1, 'param_name'), 3, 'param_schedulers.1.param_name is odd'),
]


@pytest.mark.parametrize('path, value, reason', ODD_STATES)
def test_odd_states_of_a_training(trained, monkeypatch, path, value, reason):
    runner, content = trained
    monkeypatch.setattr(runner, '_resume', True)
    hook = CheckpointCheckHook()
    hook.after_load_checkpoint(runner, copy.deepcopy(content))
    with pytest.raises(InputError, match=reason) as raised:
        hook.after_load_checkpoint(runner, changed(content, path, value))
    assert (str(runner.work_dir) in str(raised.value) and 'load_from=PATH' in str(raised.value)) \
        or path[0] == 'train_loop'


def test_a_resumed_run_stops_at_an_odd_state(trained, tmp_path):
    """The check comes before optimiser and hooks take over the state."""
    torch.save(changed(trained[1], (*MOMENT, 'exp_avg'), torch.ones(3)), tmp_path / 'odd.pth')
    with pytest.raises(InputError, match='odd.pth: holds the state of another training'):
        train(tmp_path / 'run', load_from=str(tmp_path / 'odd.pth'), resume=True)
    torch.save(trained[1], tmp_path / 'good.pth')
    runner, _ = train(tmp_path / 'run', load_from=str(tmp_path / 'good.pth'), resume=True)
    assert (runner.epoch, runner.iter) == (1, 2)


def test_weights_are_checked_when_a_training_starts_from_them(trained, tmp_path):
    weights = dict(trained[1]['state_dict'])
    weights['backbone.bias'] = torch.ones(4, dtype=torch.uint8)
    torch.save(weights, tmp_path / 'odd.pth')
    with pytest.raises(InputError, match='odd.pth: backbone.bias is of type torch.uint8'):
        check_checkpoint(str(tmp_path / 'odd.pth'), ToyEstimator())
    with pytest.raises(InputError, match='odd.pth: backbone.bias is of type torch.uint8'):
        train(tmp_path / 'run', load_from=str(tmp_path / 'odd.pth'))


def test_files_of_other_folders_are_not_deleted(trained, monkeypatch, tmp_path):
    """mmengine deletes ``best_ckpt`` of the hub when a better checkpoint is saved."""
    runner, content = trained
    monkeypatch.setattr(runner, '_resume', True)
    own = f'{runner.work_dir}/best_frames_epoch_1.pth'
    for path, kept in ((own, True), (f'{tmp_path}/best_frames_epoch_1.pth', False), (3, False),
                       (f'{runner.work_dir}/epoch_1.pth', False),
                       (f'{runner.work_dir}/../best_a.pth', False)):
        loaded = changed(content, ('message_hub', 'runtime_info', 'best_ckpt'), path)
        CheckpointCheckHook().after_load_checkpoint(runner, loaded)
        assert ('best_ckpt' in loaded['message_hub']['runtime_info']) == kept


TABLE = torch.tensor([[1, 2], [2, 0], [0, 1]])
HIERARCHY = dict(tasks=['a', 'b'], history=[[1., 2.]], first_trend=[], epoch_sum=torch.ones(2),
                 epoch_count=3)


def without_sum(**changes):
    state = {**HIERARCHY, **changes}
    del state['epoch_sum'], state['epoch_count']
    return state


@pytest.mark.parametrize('hook, good, odd', [
    (FreezeTeacherHook, [dict(frozen=True)], [3, {}, dict(frozen=1), [True]]),
    (InterruptionHook, [dict(batches_per_epoch=2, validating=False)],
     [None, dict(batches_per_epoch=2.), dict(batches_per_epoch=0, validating=True)]),
    (NeighbourTableHook, [TABLE], [TABLE[0], TABLE.float(), TABLE + 1, -TABLE, TABLE[:0], [1]]),
    (ClusterLabelHook, [TABLE[:, 0]], [TABLE, TABLE[:, 0] + 1, 'a']),
    (SampleSelectionWarmupHook,
     [dict(selecting=False, losses=[]), dict(selecting=True, losses=[1.], epoch_losses=[1.]),
      dict(selecting=True, losses=[1.], epoch_losses=torch.ones(2))],
     [None, dict(selecting=1, losses=[]), dict(selecting=True, losses='a'),
      dict(selecting=True, losses=['a']), dict(selecting=True, losses=[NAN]),
      dict(selecting=True, losses=[], epoch_losses=torch.ones(2, 2))]),
    (HierarchicalTaskHook, [HIERARCHY, without_sum(), {**HIERARCHY, 'epoch_sum': None}],
     [{**HIERARCHY, 'history': [[1.]]}, {**HIERARCHY, 'first_trend': [1.]}, 'a',
      {**HIERARCHY, 'epoch_sum': torch.ones(3)}, {**HIERARCHY, 'epoch_count': -1},
      {**HIERARCHY, 'tasks': [1, 2]}]),
])
def test_states_of_hooks(hook, good, odd):
    for state in good:
        check_hook_states([hook], {hook.KEY: state}, 'a.pth')
    check_hook_states([hook], {}, 'a.pth')
    for state in odd:
        with pytest.raises(InputError, match=f'a.pth: {hook.KEY}.* is (not |missing)'):
            check_hook_states([hook], {hook.KEY: state}, 'a.pth')


def test_state_of_a_loss_balancer():
    from mmdet3d_plugin.self_supervision import LossBalancer
    state = LossBalancer().get_state()
    check_hook_states([LossBalancerHook], {LossBalancerHook.KEY: [state]}, 'a.pth')
    for odd in (state, [{}], [{**state, 'weights': torch.ones(3)}],
                [{**state, 'started': torch.tensor(1.)}]):
        with pytest.raises(InputError, match='a.pth: loss_balancer'):
            check_hook_states([LossBalancerHook], {LossBalancerHook.KEY: odd}, 'a.pth')


@pytest.mark.parametrize('names', [[3], ['Car\x1b[31m']])
def test_odd_names_of_classes(tmp_path, names):
    torch.save(dict(state_dict={'a': torch.ones(1)}, meta=dict(dataset_meta=dict(classes=names))),
               tmp_path / 'a.pth')
    config = Config(dict(model=dict(type='FCOSMono3D'), test_pipeline=[dict(type='Resize')]))
    with pytest.raises(InputError, match='a.pth: .* are no names of classes'):
        read_trained_model(tmp_path / 'a.pth', config)


@pytest.mark.parametrize('camera', [
    3, dict(focal_length=1.), dict(focal_length='a', image_size=(4, 3)),
    dict(focal_length=1., image_size=('a', 3)), dict(focal_length=1., image_size=4)])
def test_odd_camera_of_a_model_card(camera):
    config = Config(dict(model=dict(type='FCOSMono3D'), class_names=[], training_camera=camera))
    model = TrainedModel('a.pth', config, {}, {}, {})
    with pytest.raises(InputError, match='a.pth: training_camera=.* is no camera'):
        model_card(model, 'title', {}, None, 'data')


def test_states_in_a_model_folder(tmp_path):
    """They are JSON."""
    state = json.dumps({'sample_selection_warmup': {'selecting': 'no', 'losses': []}})
    save_file({'a': torch.ones(1)}, str(tmp_path / 'model.safetensors'), {'model_states': state})
    content = load_plain_checkpoint(tmp_path / 'model.safetensors')
    with pytest.raises(InputError, match='selecting is not true or false'):
        check_hook_states([SampleSelectionWarmupHook], content, 'model.safetensors')
