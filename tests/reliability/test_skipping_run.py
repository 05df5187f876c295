"""``tools/train.py`` on a set with broken frames."""
import pytest
from reliability.broken_set import BROKEN, write_broken_kitti
from tiny_config import write_config


@pytest.fixture(scope='module')
def broken_root(tmp_path_factory):
    return write_broken_kitti(tmp_path_factory.mktemp('set') / 'kitti')


def test_skipped_frames_are_listed_at_the_end(run_tool, tmp_path, broken_root):
    config = write_config(tmp_path, broken_root)
    code, printed = run_tool(
        'train', config, '--work-dir', tmp_path / 'run', '--cfg-options',
        'train_dataloader.dataset.on_error=skip', 'val_dataloader.dataset.on_error=skip',
        'train_dataloader.batch_size=19')
    assert code == 0, printed.err
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert log.count('train.txt: 2 of 40 frames (5.0 %) are broken and left out') == 1
    end = log[log.index('training left out 2 broken frames:'):]
    assert log.index('Epoch(train) [1][2/2]') < log.index('training left out')
    for phase in ('training', 'validation'):
        assert f'{phase} left out 2 broken frames:' in end
    lines = end.splitlines()
    for name in BROKEN:
        assert sum(f'  {name}: ' in line and f'image_2/{name}.png: ' in line
                   for line in lines) == 2
    assert log.count('broken frames:') == 2


@pytest.mark.parametrize('workers', [0, 2])
def test_by_default_the_first_broken_frame_stops_the_run(run_tool, tmp_path, broken_root, workers):
    config = write_config(tmp_path, broken_root)
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run', '--cfg-options',
                             f'train_dataloader.num_workers={workers}',
                             'train_dataloader.batch_size=19')
    assert code == 2
    line = printed.err.strip().splitlines()[-1]
    assert line.startswith('train.py: error: ') and 'Traceback' not in line
    assert any(f'image_2/{name}.png: ' in line for name in BROKEN)
    assert not list((tmp_path / 'run').rglob('*.pth'))
