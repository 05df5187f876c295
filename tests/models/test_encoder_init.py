"""Initialisation of a backbone from the checkpoint of another training."""
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config

import mmdet3d_plugin.engine  # noqa: F401  (safe loaders of checkpoints)
from mmdet3d_plugin.errors import InputError

CONFIGS = Path(__file__).parents[2] / 'configs/pretraining'


def backbone(out_indices=(1, 2, 3, 4), **init_cfg):
    return MODELS.build(dict(
        type='SlimDLANet', out_indices=out_indices, norm_cfg=dict(type='BN'),
        init_cfg=dict(type='EncoderInit', **init_cfg) if init_cfg else None))


@pytest.fixture
def trained(tmp_path):
    """Entries of a backbone, each with a value of its own, and a function that saves them."""
    source = backbone(out_indices=(0, 1, 2, 3, 4))
    for index, value in enumerate(source.state_dict().values()):
        value.copy_(torch.full_like(value, index))

    def save(prefix='backbone.', **changes):
        entries = {f'{prefix}{key}': value for key, value in source.state_dict().items()}
        path = tmp_path / 'epoch_1.pth'
        torch.save(dict(state_dict={**entries, 'head.weight': torch.ones(2), **changes}), path)
        return str(path)

    return source.state_dict(), save


@pytest.mark.parametrize('prefix', ['backbone.', 'teacher.backbone.', 'encoder.backbone.'])
def test_every_entry_is_set(trained, prefix):
    """Batch statistics and levels that the detector does not return are set too."""
    weights, save = trained
    own = backbone(checkpoint=save(prefix), prefix=prefix)
    own.init_weights()
    state = own.state_dict()
    assert state.keys() == weights.keys() and 'base_layer.1.running_mean' in state
    assert all(torch.equal(state[key], weights[key]) for key in state)


def message_of(**init_cfg):
    with pytest.raises(InputError) as raised:
        backbone(**init_cfg).init_weights()
    assert '\n' not in str(raised.value)
    return str(raised.value)


def test_missing_checkpoint(tmp_path):
    path = str(tmp_path / 'absent.pth')
    assert message_of(checkpoint=path, prefix='backbone.').startswith(
        f'{path}: cannot load the encoder (no such checkpoint); train it first')


def test_wrong_prefix_names_the_right_ones(trained):
    _, save = trained
    path = save('encoder.backbone.', **{
        f'momentum.backbone.{key}': value for key, value in trained[0].items()})
    assert message_of(checkpoint=path, prefix='backbone.') == (
        f"{path}: no entry starts with 'backbone.'; set prefix to one of 'encoder.backbone.', "
        "'momentum.backbone.'")


def test_checkpoint_without_a_backbone(tmp_path):
    path = str(tmp_path / 'head.pth')
    torch.save({'head.weight': torch.ones(2)}, path)
    assert message_of(checkpoint=path, prefix='backbone.').endswith(
        'it holds no backbone of this type')


def test_other_shapes_are_refused(trained):
    """mmengine's Pretrained sets the other entries and logs this one."""
    weights, save = trained
    name = 'level4.project.0.weight'
    path = save(**{f'backbone.{name}': weights[name][:, :3]})
    found = message_of(checkpoint=path, prefix='backbone.')
    count = len(weights)
    assert f"'backbone.' is another backbone ({count - 1} of {count} entries fit, 0 are " \
           f'unknown; first odd one: {name} has the shape (256, 3, 1, 1) in place of ' in found


def test_unknown_entries_are_refused(trained):
    weights, save = trained
    path = save(**{'backbone.level5.weight': torch.ones(1)})
    assert f'({len(weights)} of {len(weights)} entries fit, 1 are unknown; first odd one: ' \
           'level5.weight)' in message_of(checkpoint=path, prefix='backbone.')


def test_missing_entries_are_refused(trained, tmp_path):
    weights, _ = trained
    path = str(tmp_path / 'part.pth')
    torch.save({f'backbone.{key}': value for key, value in weights.items()
                if not key.startswith('level4.')}, path)
    kept = sum(not key.startswith('level4.') for key in weights)
    assert f'({kept} of {len(weights)} entries fit, 0 are unknown; first odd one: level4.' \
        in message_of(checkpoint=path, prefix='backbone.')


@pytest.mark.parametrize('row', ['crops', 'clips', 'depth'])
def test_encoders_of_the_configs_fit_the_detector(tmp_path, row):
    """The prefix of each row leads to the backbone of a model that the encoder's config builds."""
    def model_of(name):
        return Config.fromfile(CONFIGS / f'{name}_synthetic.py', import_custom_modules=False).model

    source = MODELS.build(model_of(f'encoders/encoder_{row}'))
    settings = model_of(f'{row}_all').backbone
    settings.init_cfg.checkpoint = str(tmp_path / 'encoder.pth')
    torch.save(dict(state_dict=source.state_dict()), settings.init_cfg.checkpoint)
    own = MODELS.build(settings)
    own.init_weights()
    expected = dict(crops=lambda: source.encoder.backbone, clips=lambda: source.teacher.backbone,
                    depth=lambda: source.backbone)[row]().state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in own.state_dict().items())
