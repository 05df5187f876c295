"""docs/custom_data.md runs as it is written."""
import json
import re
import runpy
import shlex
from pathlib import Path

import pytest

from mmdet3d_plugin.benchmarks.kitti.labels import read_objects

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / 'docs/custom_data.md').read_text(encoding='utf-8')


def write_programs(folder):
    """Write each block of Python to the file that its first line names, or append it."""
    blocks = re.findall(r'^```python\n# (\S+)\n(.*?)^```', PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    for path, text in blocks:
        with open(folder / path, 'a', encoding='utf-8') as file:
            file.write(text)


def page_commands():
    """Return the arguments of every command of the page."""
    text = re.sub('^```.*?^```', '', PAGE, flags=re.MULTILINE | re.DOTALL)
    lines = ''.join(re.findall(r'^    .*\n', text, flags=re.MULTILINE)).replace('\\\n', ' ')
    return [shlex.split(line) for line in lines.splitlines() if line.startswith('    python ')]


@pytest.fixture
def place(tmp_path, run_tool, monkeypatch):
    """A folder with the tools and the configs, which is the current one."""
    (tmp_path / 'tools').symlink_to(ROOT / 'tools')
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    (tmp_path / 'my_configs').mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_of_the_page(place, run_tool):
    write_programs(place)
    outputs = {}
    commands = page_commands()
    assert len(commands) == 8
    for _, script, *arguments in commands:
        if script == 'write_forklifts.py':
            runpy.run_path(script)
            continue
        assert (ROOT / script).is_file()
        code, printed = run_tool(Path(script).stem, *arguments)
        assert code == 0, (script, arguments, printed.err)
        outputs[' '.join([Path(script).stem, *arguments[:2]])] = printed.out + printed.err

    text = outputs['create_data kitti --root']
    assert 'split train: 8 frames' in text and 'image size 960x540: 12 frames' in text
    assert re.search(r'Forklift=\(2\.1, 1\.2, 2\.9\d*\),  # 24 objects', text)
    text = outputs['train my_configs/forklifts.py --work-dir']
    assert re.search(r'Forklift +16 +16', text), text
    text = outputs['test my_configs/forklifts.py work_dirs/forklifts/epoch_2.pth']
    assert re.search(r'Forklift +3D +R40 +\d', text)
    assert len([path for path in (place / 'work_dirs/forklifts_frames').rglob('hall*/*')
                if path.is_file()]) == 4
    predicted = json.loads((place / 'work_dirs/forklifts_boxes/predictions.json').read_text())
    assert [item['image'] for item in predicted['images']] == [
        f'{number:04d}' for number in range(0, 12, 2)]
    # The JSON file holds the same objects as the text files.
    text = outputs['create_data custom --root']
    assert 'split train: 8 frames' in text
    assert re.search(r'Forklift=\(2\.1, 1\.2, 2\.9\d*\),  # 16 objects', text)
    assert re.search(r'Forklift +16 +16', outputs['train my_configs/forklifts_json.py --work-dir'])
    assert (place / 'work_dirs/forklifts_json/epoch_2.pth').is_file()
    assert len(read_objects(place / 'data/forklifts/training/label_2/hall1/0001.txt')) == 2
