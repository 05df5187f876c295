"""Invalid settings of a run are refused with one line."""
import pytest
import torch.distributed as dist
from mmdet3d.registry import DATA_SAMPLERS
from mmengine.config import Config
from mmengine.runner import Runner
from reliability.toy_runner import toy_config
from torch.utils.data import BatchSampler

from mmdet3d_plugin.datasets.sample_randomness import ResumableBatchSampler
from mmdet3d_plugin.engine.config_files import check_file_names
from mmdet3d_plugin.engine.distributed import configure_distributed
from mmdet3d_plugin.engine.hooks import InterruptionHook
from mmdet3d_plugin.errors import InputError

NUMBERS = dict(
    pytorch=dict(RANK='0', WORLD_SIZE='1', LOCAL_RANK='0'),
    slurm=dict(SLURM_PROCID='0', SLURM_NTASKS='1', SLURM_LOCALID='0', SLURM_JOB_ID='7'))


@pytest.mark.parametrize('launcher, name, value', [
    ('pytorch', 'RANK', 'a'), ('pytorch', 'WORLD_SIZE', '-1'), ('pytorch', 'LOCAL_RANK', '1.5'),
    ('pytorch', 'MASTER_PORT', 'ssh'), ('slurm', 'SLURM_PROCID', ''),
    ('slurm', 'SLURM_JOB_ID', 'x_y')])
def test_malformed_numbers_of_launchers(monkeypatch, launcher, name, value):
    for own in (*NUMBERS['pytorch'], *NUMBERS['slurm']):
        monkeypatch.setenv(own, '0')  # so that all are restored
    monkeypatch.setenv('MASTER_ADDR', '127.0.0.1')
    monkeypatch.setenv('MASTER_PORT', '29500')
    for own, number in {**NUMBERS[launcher], name: value}.items():
        monkeypatch.setenv(own, number)
    with pytest.raises(InputError, match=f'^--launcher {launcher}: {name} is {value!r}, expected '
                                         'a whole number$'):
        configure_distributed(Config(dict(launcher=launcher)))


@pytest.mark.parametrize('timeout', ['abc', '30', [3], 0, -5, float('nan'), float('inf')])
def test_invalid_timeouts(monkeypatch, timeout):
    for name, number in dict(NUMBERS['pytorch'], MASTER_ADDR='127.0.0.1', MASTER_PORT='0').items():
        monkeypatch.setenv(name, number)
    cfg = Config(dict(launcher='pytorch', env_cfg=dict(dist_cfg=dict(timeout=timeout))))
    with pytest.raises(InputError, match=r'env_cfg.dist_cfg.timeout is .*, expected seconds'):
        configure_distributed(cfg)
    assert not dist.is_initialized()


@pytest.mark.parametrize('name', ['SIGKILL', 'SIGSTOP', 'SIGNONE', 'Signals', 9])
def test_signals_that_cannot_be_caught(name):
    with pytest.raises(InputError, match=f'InterruptionHook: signals has {name!r}'):
        InterruptionHook(signals=['SIGTERM', name])


@pytest.mark.parametrize('name', ['../../evil_{}.pth', '/tmp/evil_{}.pth', '..', '', 3])
@pytest.mark.parametrize('place', [
    lambda name: dict(default_hooks=dict(checkpoint=dict(filename_tmpl=name))),
    lambda name: dict(custom_hooks=[dict(type='CheckpointHook', filename_tmpl=name)]),
    lambda name: dict(visualizer=dict(vis_backends=[dict(scalar_save_file=name)])),
    lambda name: dict(vis_backends=[dict(config_save_file=name, img_save_dir='shown')]),
    lambda name: dict(visualizer=dict(vis_backends=(dict(img_save_dir=name), )))])
def test_names_of_output_files_outside_their_folder(name, place):
    with pytest.raises(InputError, match='^a.py: .* is no name of a file inside the work dir'):
        check_file_names(place(name), 'a.py')
    for plain in ('epoch_{}.pth', 'weights/{}.pth'):
        check_file_names(place(plain), 'a.py')


@DATA_SAMPLERS.register_module()
class PlainBatches(BatchSampler):
    """Batch sampler that cannot start in the middle of an epoch."""


@DATA_SAMPLERS.register_module()
class OtherBatches(ResumableBatchSampler):
    pass


def test_batch_samplers_have_to_be_resumable(tmp_path):
    def train(name):
        Runner.from_cfg(toy_config(tmp_path, **{'train_dataloader.batch_sampler': dict(
            type=name, drop_last=False)})).train()

    with pytest.raises(InputError, match='train_dataloader.batch_sampler: a PlainBatches cannot'):
        train('PlainBatches')
    train('OtherBatches')
