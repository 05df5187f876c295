"""The command ``tools/import_checkpoint.py``."""
import json
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from official_names import official_name

ROOT = Path(__file__).parents[2]


@pytest.fixture
def convert(run_tool):
    """Return ``convert(OFFICIAL, OUT, *OPTIONS)``: exit code and printed texts."""
    return lambda *arguments: run_tool('import_checkpoint', 'monolss', *arguments)


@pytest.fixture(scope='module')
def official_weights():
    """Initial weights of MonoLSS under the names of the authors' code."""
    cfg = Config.fromfile(ROOT / 'configs/monolss/monolss_dla34_kitti_reference.py')
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    source = {official_name(key, 'monolss'): value for key, value in model.state_dict().items()}
    source['mean_size'] = model.coder.mean_sizes
    return source


@pytest.fixture
def write_official(official_weights):
    """Return ``write_official(FILE, CHANGE)``, which writes a checkpoint with changed weights."""
    def write(path, change=None):
        source = dict(official_weights)
        if change:
            change(source)
        torch.save(dict(epoch=600, model_state=source, optimizer_state={}), path)

    return write


def test_weights_are_written_and_unused_entries_are_listed(convert, write_official, tmp_path):
    write_official(tmp_path / 'official.pth')
    code, printed = convert(tmp_path / 'official.pth', tmp_path / 'new/ours.pth')
    assert code == 0, printed.err
    assert '364 entries read, 363 imported' in printed.out
    assert '1 unused: mean_size' in printed.out and '0 missing' in printed.out
    content = torch.load(tmp_path / 'new/ours.pth', weights_only=True)
    assert len(content['state_dict']) == 363


@pytest.mark.parametrize('change, message', [
    (lambda source: source.update({'heatmap.2.weight': torch.zeros(1, 256, 1, 1)}),
     'have 1 classes, the config 3'),
    (lambda source: source.clear(), 'holds no weights by name'),
    (lambda source: source.update({'heatmap.2.weight': 'text'}), 'not the weights of MonoLSS'),
])
def test_other_checkpoints_end_with_one_error_line(convert, write_official, tmp_path, change,
                                                   message):
    write_official(tmp_path / 'official.pth', change)
    code, printed = convert(tmp_path / 'official.pth', tmp_path / 'ours.pth')
    assert code == 2 and message in printed.err and 'official.pth' in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert not (tmp_path / 'ours.pth').exists()


def test_warning_for_other_mean_sizes(convert, write_official, tmp_path):
    write_official(tmp_path / 'official.pth',
                   lambda source: source.update(mean_size=source['mean_size'] + .1))
    code, printed = convert(tmp_path / 'official.pth', tmp_path / 'ours.pth')
    assert code == 0 and 'warning' in printed.err and 'mean_sizes' in printed.err


def test_missing_files_and_files_with_code(convert, write_official, tmp_path):
    code, printed = convert(tmp_path / 'none.pth', tmp_path / 'ours.pth')
    assert code == 2 and 'none.pth: no such checkpoint' in printed.err
    write_official(tmp_path / 'official.pth')
    code, printed = convert(tmp_path / 'official.pth', tmp_path / 'ours.pth', '--config',
                            'configs/none.py')
    assert code == 2 and 'configs/none.py: no such config' in printed.err

    class Attack:
        def __reduce__(self):
            return (Path.touch, (tmp_path / 'executed', ))

    torch.save(dict(model_state=Attack()), tmp_path / 'attack.pth')
    code, printed = convert(tmp_path / 'attack.pth', tmp_path / 'ours.pth')
    assert code == 2 and 'not a checkpoint that loads safely' in printed.err
    assert not (tmp_path / 'executed').exists()


def test_bad_contents_end_with_one_error_line(convert, write_official, tmp_path):
    torch.save(dict(model_state=[1, 2]), tmp_path / 'list.pth')
    code, printed = convert(tmp_path / 'list.pth', tmp_path / 'ours.pth')
    assert code == 2 and 'list.pth: holds no weights by name' in printed.err
    (tmp_path / 'broken.py').write_text('model = dict(')
    write_official(tmp_path / 'official.pth')
    code, printed = convert(tmp_path / 'official.pth', tmp_path / 'ours.pth', '--config',
                            tmp_path / 'broken.py')
    assert code == 1 and 'config error' in printed.err and 'Traceback' not in printed.err


@pytest.mark.parametrize('method, classes', [('gupnet', 3), ('didm3d', 3), ('monodle', 3)])
def test_other_methods_are_converted_with_their_reference_configs(run_tool, tmp_path, method,
                                                                  classes):
    cfg = Config.fromfile(ROOT / f'configs/{method}/{method}_dla34_kitti_reference.py')
    cfg.model.backbone.init_cfg = None
    weights = MODELS.build(cfg.model).state_dict()
    assert len(weights['dense_head.heatmap.2.weight']) == classes
    torch.save(dict(model_state={official_name(key, method): value
                                 for key, value in weights.items()}), tmp_path / 'official.pth')
    code, printed = run_tool('import_checkpoint', method, tmp_path / 'official.pth',
                             tmp_path / 'ours.pth')
    assert code == 0, printed.err
    assert f'{method}_dla34_kitti_reference.py' in printed.out
    converted = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    assert list(converted) == list(weights)
    for key, value in converted.items():
        assert value.equal(weights[key]), key


def test_monocon_checkpoint_is_converted(run_tool, tmp_path):
    """Checkpoints of MonoCon hold their weights as ``state_dict``, as mmcv writes them."""
    names = json.loads((ROOT / 'tests/models/monocon_official_state_dict.json').read_text())
    torch.save(dict(meta=dict(epoch=200), state_dict={
        key: torch.zeros(shape) for key, shape in names.items()}), tmp_path / 'official.pth')
    code, printed = run_tool('import_checkpoint', 'monocon', tmp_path / 'official.pth',
                             tmp_path / 'ours.pth')
    assert code == 0, printed.err
    assert '449 entries read, 449 imported' in printed.out
    assert len(torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']) == 447
