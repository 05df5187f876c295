"""The command ``tools/benchmark.py`` and the speed options for an embedder."""
import json

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS
from tiny_embedding import KMEANS, NUM_IMAGES, PLM, build_embedder, write_config, write_images

from mmdet3d_plugin.commands import speed_test
from mmdet3d_plugin.commands.speed_test import SpeedTest
from mmdet3d_plugin.engine.acceleration import accelerate

ALL_SWITCHES = dict(bfloat16=True, channels_last=True, compile=True)


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp('images') / 'set')


@pytest.fixture(autouse=True)
def small_matrices(monkeypatch):
    monkeypatch.setitem(speed_test.MATRIX_SIZES, 'cpu', 256)


@pytest.fixture
def measured(run_tool, images, tmp_path):
    """Function that runs the command, and returns the content of its JSON file."""
    def run(extra, *arguments):
        config = write_config(tmp_path, images, extra)
        code, printed = run_tool('benchmark', config, '--device', 'cpu', '--rounds', 1, '--steps',
                                 1, '--images', 1, '--json', tmp_path / 'out.json', *arguments)
        assert code == 0, printed.err
        return json.loads((tmp_path / 'out.json').read_text())

    return run


@pytest.mark.parametrize('extra', [PLM, KMEANS], ids=['plm', 'kmeans'])
def test_measured_speed(measured, extra):
    figures, = measured(extra, '--amp', '--channels-last')['results']
    assert figures['acceleration'] == dict(bfloat16=True, channels_last=True, compile=False)
    assert min(figures['training_split_s'].values()) > 0
    assert figures['training_flops'] > 0 and figures['inference_flops'] > 0


def test_profiled_parts(measured):
    parts = measured(PLM, '--profile')['parts_ms']
    assert set(parts) == {'preprocessing', 'backbone', 'momentum backbone', 'optimizer',
                          'selector and losses'}
    assert min(parts.values()) > 0


def test_tables_of_a_speed_test(images, tmp_path):
    test = SpeedTest(Config.fromfile(write_config(tmp_path, images, PLM)), 'cpu', 8, 0)
    table = test.loader.batch_sampler.table
    assert table.shape == (NUM_IMAGES, 10)
    for index, row in enumerate(table.tolist()):
        assert len({index, *row}) == 11 and max(row) < NUM_IMAGES
    assert test.model.cluster_labels is None
    test = SpeedTest(Config.fromfile(write_config(tmp_path, images, KMEANS)), 'cpu', 8, 0)
    assert test.model.cluster_labels.bincount().tolist() == [9, 9, 9, 9]


def prediction(model, batch, bfloat16=False):
    with torch.no_grad(), torch.autocast('cpu', dtype=torch.bfloat16, enabled=bfloat16):
        return torch.stack([sample.pred_embedding for sample in model.test_step(batch)])


def test_channels_last_reaches_both_backbones(images, tmp_path):
    cfg = Config.fromfile(write_config(tmp_path, images))
    batch = pseudo_collate([DATASETS.build(cfg.test_dataloader.dataset)[index]
                            for index in range(3)])
    model = build_embedder(momentum=.9, loss=dict(type='SelfTaughtLoss')).eval()
    expected = prediction(model, batch)
    accelerate(model, channels_last=True)
    seen = []
    for part in model.dense_parts().values():
        part.register_forward_hook(lambda module, inputs, maps: seen.append((inputs[0], maps[0])))
    torch.testing.assert_close(prediction(model, batch), expected, rtol=1e-4, atol=1e-5)
    model(**model.data_preprocessor(batch), mode='loss')
    assert len(seen) == 3
    for tensors in seen:
        assert all(item.is_contiguous(memory_format=torch.channels_last)
                   and not item.is_contiguous() for item in tensors)
    found = prediction(model, batch, bfloat16=True)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=.03)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))


@pytest.mark.slow
def test_compiled_training(run_tool, images, tmp_path):
    """All speed options together train, and predict nearly as without them."""
    config = write_config(tmp_path, images, PLM + f'acceleration = dict({ALL_SWITCHES})\n')
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 0, printed.err
    figures = {}
    for name, flags in (('plain', [f'acceleration.{name}=False' for name in ALL_SWITCHES]),
                        ('fast', ['acceleration.compile=True'])):
        code, printed = run_tool('test', config, tmp_path / 'run/epoch_2.pth', '--work-dir',
                                 tmp_path / name, '--cfg-options', *flags)
        assert code == 0, printed.err
        lines = [json.loads(line) for path in (tmp_path / name).rglob('*.json')
                 for line in path.read_text().splitlines() if 'R@1' in line]
        figures[name] = lines[-1]['retrieval/mAP@R']
    assert figures['fast'] == pytest.approx(figures['plain'], abs=5.)
