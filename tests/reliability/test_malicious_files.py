"""Files with code: no tool executes it, and each tool names the file in one line.

Each test first checks that an unsafe reader executes the code.
"""
import hashlib
import json
import pickle
import tarfile
import threading
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from tiny_config import write_config
from tiny_kitti import write_kitti
from tiny_nuscenes import write_nuscenes
from waymo_release import write_segment

from mmdet3d_plugin.engine.safe_loading import load_plain_checkpoint
from mmdet3d_plugin.errors import InputError

REFUSED = 'not a checkpoint that loads safely as plain weights'


class Attack:
    """Object that creates a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker, )


@pytest.fixture
def marker(tmp_path):
    """File that an Attack creates, which must not exist when the test ends."""
    path = tmp_path / 'executed'
    yield path
    assert not path.exists()


def assert_executes(marker, read, *arguments, **options):
    """Check that an unsafe reader executes the code of an Attack."""
    assert not marker.exists()
    with suppress(Exception):  # the content may be invalid for the reader
        read(*arguments, **options)
    assert marker.exists()
    marker.unlink()


@pytest.fixture
def planted(tmp_path, marker):
    """Checkpoint with all entries of a run, and with an Attack as weights."""
    path = tmp_path / 'planted.pth'
    torch.save(dict(meta=dict(epoch=1, iter=1), state_dict=Attack(marker),
                    model_state=Attack(marker), optimizer={}, message_hub={}), path)
    assert_executes(marker, torch.load, path, weights_only=False)
    return path


@pytest.fixture
def refuses(run_tool, marker):
    """Function that runs a tool and checks that it refuses a file with one line."""
    def run(tool, *arguments, names, because=REFUSED):
        code, printed = run_tool(tool, *arguments)
        assert not marker.exists()
        assert code == 2, printed.err
        line = printed.err.strip().splitlines()[-1]
        assert 'Traceback' not in printed.err
        assert line.startswith(f'{Path(tool).name}.py: error: ') and names in line
        assert because in line

    return run


@pytest.fixture(params=['', '1'])
def trusting_environment(request, monkeypatch):
    """Environment without and with torch's switch to load unsafe files by default."""
    if request.param:
        monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', request.param)


def test_checkpoint_of_a_test(refuses, planted, tmp_path, kitti_root, trusting_environment):
    refuses('test', write_config(tmp_path, kitti_root), planted, '--work-dir', tmp_path / 'run',
            names='planted.pth')


@pytest.mark.parametrize('options', [['--resume', '{}'], ['--cfg-options', 'load_from={}']])
def test_checkpoint_that_a_training_starts_from(refuses, planted, tmp_path, kitti_root, options):
    refuses('train', write_config(tmp_path, kitti_root), '--work-dir', tmp_path / 'run',
            *(option.format(planted) for option in options), names='planted.pth')


def pretrained(tmp_path, data, checkpoint, kind='Pretrained'):
    return write_config(tmp_path, data, extra=f"""
model = dict(backbone=dict(init_cfg=dict(
    _delete_=True, type='{kind}', checkpoint='{checkpoint}')))
""")


@pytest.mark.parametrize('kind', ['Pretrained', 'DLAImageNetInit'])
def test_weights_of_a_pretrained_backbone(refuses, planted, marker, tmp_path, kitti_root,
                                          monkeypatch, kind):
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    assert_executes(marker, mmengine_checkpoint.load_from_local, str(planted), 'cpu')
    config = pretrained(tmp_path, kitti_root, planted, kind)
    refuses('train', config, '--work-dir', tmp_path / 'run', names='planted.pth')


@pytest.fixture
def server(tmp_path, monkeypatch):
    """URL of the folder of the test. Downloads go to another folder."""
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'downloads'))
    monkeypatch.setenv('no_proxy', '*')
    serving = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f'http://127.0.0.1:{serving.server_port}'
    serving.shutdown()
    serving.server_close()


def test_weights_of_a_pretrained_backbone_from_a_url(refuses, planted, marker, server, tmp_path,
                                                     kitti_root):
    url = f'{server}/{planted.name}'
    assert_executes(marker, mmengine_checkpoint.load_from_http, url)
    refuses('train', pretrained(tmp_path, kitti_root, url), '--work-dir', tmp_path / 'run',
            names=url)


def test_checkpoints_from_urls_and_lists_of_urls(planted, marker, server, tmp_path, monkeypatch):
    torch.save(dict(state_dict={'backbone.a': torch.ones(2), 'head.a': torch.ones(1)}),
               tmp_path / 'good.pth')
    urls = {name: f'{server}/{name}.pth' for name in ('good', 'planted', 'absent')}
    for models in ('get_torchvision_models', 'get_external_models', 'get_mmcls_models'):
        monkeypatch.setattr(mmengine_checkpoint, models, lambda: urls)
    for prefix in ('', 'torchvision://', 'modelzoo://', 'open-mmlab://', 'openmmlab://',
                   'mmcls://'):
        named = {name: f'{prefix}{name}' if prefix else url for name, url in urls.items()}
        content = CheckpointLoader.load_checkpoint(named['good'], 'cpu')
        assert next(iter(content['state_dict'].values())).tolist() == [1, 1]
        with pytest.raises(InputError, match=f'planted.pth.*{REFUSED}'):
            CheckpointLoader.load_checkpoint(named['planted'], 'cpu')
        with pytest.raises(InputError, match='absent.pth: cannot download the checkpoint'):
            CheckpointLoader.load_checkpoint(named['absent'], 'cpu')
        if prefix:
            with pytest.raises(InputError, match=f'{prefix}other: .* no checkpoint of this name'):
                CheckpointLoader.load_checkpoint(f'{prefix}other', 'cpu')
    assert not marker.exists()


def test_equal_names_at_other_urls_are_other_checkpoints(server, tmp_path):
    for number, name in enumerate(('a/epoch_15.pth', 'b/epoch_15.pth', 'b/20261130-20261130.pth')):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        torch.save({'a': torch.tensor(number)}, tmp_path / name)
        for _ in range(2):
            assert CheckpointLoader.load_checkpoint(f'{server}/{name}')['a'] == number
    assert len(list((tmp_path / 'downloads/hub/checkpoints').iterdir())) == 3


def test_a_hash_in_the_name_of_a_checkpoint_is_checked(server, tmp_path):
    """Such a name stands for its content, so torch's own downloads are used again."""
    torch.save({'a': torch.tensor(1)}, tmp_path / 'a.pth')
    digest = hashlib.sha256((tmp_path / 'a.pth').read_bytes()).hexdigest()
    for good in (f'a-{digest[:8]}f.pth', f'a-{digest[:12]}e.pth'):
        (tmp_path / good).write_bytes((tmp_path / 'a.pth').read_bytes())
        with pytest.raises(InputError, match='cannot download the checkpoint .invalid hash'):
            CheckpointLoader.load_checkpoint(f'{server}/{good}')
    assert not list((tmp_path / 'downloads/hub/checkpoints').iterdir())
    name = f'a-{digest}.pth'
    (tmp_path / 'a.pth').rename(tmp_path / name)
    assert CheckpointLoader.load_checkpoint(f'{server}/{name}')['a'] == 1
    (tmp_path / name).unlink()
    assert CheckpointLoader.load_checkpoint(f'https://other.invalid/{name}')['a'] == 1


def test_all_loaders_of_mmengine_are_replaced():
    assert len(CheckpointLoader._schemes) >= 10
    for prefix, loader in CheckpointLoader._schemes.items():
        assert loader.__module__ == load_plain_checkpoint.__module__, prefix
    for path in ('s3://bucket/a.pth', 'cluster:s3://a.pth', 'petrel://a.pth', 'pavi://a'):
        with pytest.raises(InputError, match=f'{path}: checkpoints are not loaded from there'):
            CheckpointLoader.load_checkpoint(path)


@pytest.mark.parametrize('tool', ['import_checkpoint', 'export_weights'])
def test_checkpoint_of_a_converter(refuses, planted, tmp_path, tool, trusting_environment):
    method = ['monolss'] if tool == 'import_checkpoint' else []
    refuses(tool, *method, planted, tmp_path / 'out.pth', names='planted.pth')
    assert not (tmp_path / 'out.pth').exists()


def test_checkpoint_of_the_depth_analysis(refuses, planted, tmp_path, kitti_root):
    refuses('analysis/depth_features', write_config(tmp_path, kitti_root), planted,
            '--out', tmp_path / 'out', names='planted.pth')


def test_config_program_inside_a_checkpoint(run_tool, marker, tmp_path):
    """mmengine executes ``meta['config']`` of the checkpoint that it resumes from."""
    config = write_config(tmp_path, write_kitti(tmp_path / 'kitti'), extra="""
val_cfg = val_dataloader = val_evaluator = None
""")
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 0, printed.err
    content = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=True)
    program = f"entry = __import__('pathlib').Path('{marker}').touch()\n"
    assert_executes(marker, Config.fromstring, program, '.py')
    content['meta']['config'] = program
    torch.save(content, tmp_path / 'planted.pth')
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'resumed', '--resume',
                             tmp_path / 'planted.pth', '--cfg-options', 'train_cfg.max_epochs=2')
    assert code == 0, printed.err
    assert (tmp_path / 'resumed/epoch_2.pth').is_file()


def test_pickles_in_place_of_waymo_annotations(refuses, marker, tmp_path):
    from mmdet3d_plugin.benchmarks.waymo.converter import ConversionSettings, convert_waymo
    from mmdet3d_plugin.datasets import WaymoMonoDataset
    write_segment(tmp_path / 'release', 'training', 'a', num_frames=2)
    convert_waymo(tmp_path / 'release', tmp_path / 'set', 'training', ConversionSettings(), 1)
    file = tmp_path / 'set/annotations/training/a.json'
    whole = json.loads(file.read_text())
    for content in (pickle.dumps(Attack(marker)),
                    b'{"a": ' + pickle.dumps(Attack(marker), protocol=0) + b'}'):
        file.write_bytes(content)
        with pytest.raises(InputError, match=r'a\.json.*(no JSON|not a readable text file)'):
            WaymoMonoDataset(str(tmp_path / 'set'), 'ImageSets/train.txt', pipeline=[])
    assert_executes(marker, pickle.loads, pickle.dumps(Attack(marker)))
    # JSON with other entries is refused as well.
    for change in [dict(frames=3), dict(frames=[{}]), dict(cam2img=[[1, 2]]), dict(size='ab'),
                   dict(frames=[dict(whole['frames'][0], objects=[dict(box_2d=3)])]),
                   dict(cam2img=[[float('nan')] * 4] * 4)]:
        file.write_text(json.dumps({**whole, **change}))
        with pytest.raises(InputError, match=r'/a\.json: (malformed|is no JSON)') as raised:
            WaymoMonoDataset(str(tmp_path / 'set'), 'ImageSets/train.txt', pipeline=[])
        assert str(raised.value).isprintable()


@pytest.mark.parametrize('table', ['sample', 'sample_data', 'sample_annotation'])
def test_pickles_in_place_of_nuscenes_tables(marker, tmp_path, table):
    from mmdet3d_plugin.datasets import NuScenesMonoDataset
    root = write_nuscenes(tmp_path / 'nuscenes')
    (root / f'v1.0-tiny/{table}.json').write_bytes(pickle.dumps(Attack(marker)))
    with pytest.raises(InputError, match='v1.0-tiny: tables are missing or malformed'):
        NuScenesMonoDataset(str(root), 'v1.0-tiny', ['scene-0003'], pipeline=[])


@pytest.mark.parametrize('key', ['boxes', 'segments'])
def test_objects_in_arrays_for_the_waymo_evaluation(refuses, marker, tmp_path, key):
    from mmdet3d_plugin.benchmarks.waymo.files import write_objects
    from mmdet3d_plugin.benchmarks.waymo.objects import WaymoObjects
    objects = WaymoObjects(
        segments=np.array(['a']), timestamps=np.array([1]), types=np.array([1]),
        boxes=np.ones((1, 7)), num_points=np.array([9]), scores=np.array([.5]))
    write_objects(tmp_path / 'good.npz', objects)
    with np.load(tmp_path / 'good.npz') as archive:
        arrays = dict(archive)
    arrays[key] = np.array([Attack(marker)], dtype=object)
    np.savez(tmp_path / 'planted.npz', **arrays)
    assert_executes(marker, lambda path: np.load(path, allow_pickle=True)[key],
                 tmp_path / 'planted.npz')
    for gt, pred in (('planted', 'good'), ('good', 'planted')):
        refuses('evaluate', 'waymo', '--gt', tmp_path / f'{gt}.npz', '--pred',
                tmp_path / f'{pred}.npz', names='planted.npz', because='not a readable .npz file')
    (tmp_path / 'planted.npz').write_bytes(pickle.dumps(Attack(marker)))
    refuses('evaluate', 'waymo', '--gt', tmp_path / 'planted.npz', '--pred',
            tmp_path / 'good.npz', names='planted.npz', because='not a readable .npz file')


def legacy_tar(path):
    (path.parent / 'storages').write_bytes(b'x')
    with tarfile.open(path, 'w') as archive:
        archive.add(path.parent / 'storages', 'storages')


ODD_CHECKPOINTS = {
    'empty': lambda path: path.write_bytes(b''),
    'text': lambda path: path.write_text('weights\n' * 100),
    'noise': lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
    'cut': lambda path: (torch.save(dict(a=torch.ones(999)), path),
                         path.write_bytes(path.read_bytes()[:2000])),
    'plain pickle': lambda path: path.write_bytes(pickle.dumps(dict(state_dict={}))),
    'pickled object': lambda path: path.write_bytes(pickle.dumps(Path('a'))),
    'tar': legacy_tar,
    'TorchScript': lambda path: torch.jit.save(torch.jit.script(torch.nn.ReLU()), str(path)),
    'a list': lambda path: torch.save([1, 2], path),
    'a tensor': lambda path: torch.save(torch.ones(3), path),
    'a folder': lambda path: path.mkdir(),
}


@pytest.mark.parametrize('kind', ODD_CHECKPOINTS)
@pytest.mark.filterwarnings('ignore')
def test_other_files_are_no_checkpoints(tmp_path, kind):
    path = tmp_path / 'odd.pth'
    ODD_CHECKPOINTS[kind](path)
    with pytest.raises(InputError) as raised:
        load_plain_checkpoint(path)
    message = str(raised.value)
    assert message.startswith(f'{path}: ') and message.isprintable() and len(message) < 400


def test_only_the_config_program_of_a_checkpoint_is_dropped(tmp_path):
    content = dict(meta=dict(epoch=3, cfg='model = 1', config='import os'),
                   state_dict=dict(a=torch.arange(3)))
    torch.save(content, tmp_path / 'a.pth')
    loaded = load_plain_checkpoint(tmp_path / 'a.pth')
    assert loaded['meta'] == dict(epoch=3, cfg='model = 1')
    assert torch.equal(loaded['state_dict']['a'], torch.arange(3))
    assert CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'))['meta'] == loaded['meta']
