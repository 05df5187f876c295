"""tools/import_checkpoint.py as a user runs it."""
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from official_monolss import official_name

ROOT = Path(__file__).parents[2]


@pytest.fixture
def convert(run_tool):
    return lambda *arguments: run_tool('import_checkpoint', 'monolss', *arguments)


def write_official(path, change=None):
    cfg = Config.fromfile(ROOT / 'configs/monolss/monolss_dla34_kitti_reference.py')
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    source = {official_name(key): value for key, value in model.state_dict().items()}
    source['mean_size'] = model.coder.mean_sizes.clone()
    if change:
        change(source)
    torch.save(dict(epoch=600, model_state=source, optimizer_state={}), path)


def test_weights_are_written_and_what_is_unused_is_told(convert, tmp_path):
    write_official(tmp_path / 'official.pth')
    code, printed = convert(tmp_path / 'official.pth', tmp_path / 'new/ours.pth')
    assert code == 0, printed.err
    assert '364 entries read, 363 imported' in printed.out
    assert '1 unused: mean_size' in printed.out and '0 missing' in printed.out
    content = torch.load(tmp_path / 'new/ours.pth', weights_only=True)
    assert len(content['state_dict']) == 363


@pytest.mark.parametrize('change, message', [
    (lambda source: source.update({'heatmap.2.weight': torch.zeros(1, 256, 1, 1)}),
     'tell 1 classes apart, the config 3'),
    (lambda source: source.clear(), 'not the weights of MonoLSS'),
    (lambda source: source.update({'heatmap.2.weight': 'text'}), 'not the weights of MonoLSS'),
])
def test_other_checkpoints_end_with_one_line(convert, tmp_path, change, message):
    write_official(tmp_path / 'official.pth', change)
    code, printed = convert(tmp_path / 'official.pth', tmp_path / 'ours.pth')
    assert code == 2 and message in printed.err and 'official.pth' in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert not (tmp_path / 'ours.pth').exists()


def test_other_mean_sizes_are_warned_of(convert, tmp_path):
    write_official(tmp_path / 'official.pth', lambda source: source['mean_size'].add_(.1))
    code, printed = convert(tmp_path / 'official.pth', tmp_path / 'ours.pth')
    assert code == 0 and 'warning' in printed.err and 'mean_sizes' in printed.err


def test_missing_files_and_code_in_a_file(convert, tmp_path):
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


def test_odd_contents_end_with_one_line(convert, tmp_path):
    torch.save(dict(model_state=[1, 2]), tmp_path / 'list.pth')
    code, printed = convert(tmp_path / 'list.pth', tmp_path / 'ours.pth')
    assert code == 2 and 'list.pth: not the weights of MonoLSS' in printed.err
    (tmp_path / 'broken.py').write_text('model = dict(')
    write_official(tmp_path / 'official.pth')
    code, printed = convert(tmp_path / 'official.pth', tmp_path / 'ours.pth', '--config',
                            tmp_path / 'broken.py')
    assert code == 1 and 'config error' in printed.err and 'Traceback' not in printed.err
