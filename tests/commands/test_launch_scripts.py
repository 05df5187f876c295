"""The launch scripts: their command lines, and real runs of two processes.

The command lines are checked with programs that print their arguments.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from free_port import free_port
from tiny_config import write_config

ROOT = Path(__file__).parents[2]
SCRIPTS = ('dist_train', 'dist_test', 'slurm_train', 'slurm_test')
PRINTER = """#!/bin/bash
printf '%s\\n' "$(basename "$0")" "$@"
[ "$(basename "$0")" != sbatch ] || cat > "$0.script"
"""


@pytest.fixture
def project(tmp_path):
    """A folder with the scripts, and a config and a checkpoint whose names have spaces."""
    (tmp_path / 'tools').mkdir()
    for script in (ROOT / 'tools').glob('*.sh'):
        shutil.copy(script, tmp_path / 'tools')
    (tmp_path / 'bin').mkdir()
    for program in ('python', 'srun', 'sbatch', 'scontrol'):
        path = tmp_path / 'bin' / program
        path.write_text(PRINTER)
        path.chmod(0o755)
    for name in ('a config.py', 'some weights.pth'):
        (tmp_path / name).write_text('')
    return tmp_path


@pytest.fixture
def launch(project):
    """Return ``launch(SCRIPT, *ARGUMENTS, **ENVIRONMENT)``.

    It returns the exit code, the lines on stdout and the text on stderr.
    """
    def launch(script, *arguments, **environment):
        done = subprocess.run(
            [f'tools/{script}.sh', *arguments], cwd=project, text=True, capture_output=True,
            env={'PATH': f'{project}/bin:{os.environ["PATH"]}', **environment})
        return done.returncode, done.stdout.splitlines(), done.stderr

    return launch


TORCHRUN = ['python', '-m', 'torch.distributed.run', '--nnodes', '{nodes}',
            '--nproc-per-node', '2', '--max-restarts', '{restarts}', '{rendezvous}',
            '--signals-to-handle', 'SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1']


def torchrun(project, *command, rendezvous, nodes='1', restarts='0'):
    line = [item.format(nodes=nodes, restarts=restarts) for item in TORCHRUN
            if item != '{rendezvous}']
    line[9:9] = rendezvous
    return [*line, f'{project}/tools/{command[0]}', *command[1:]]


LOCAL = ['--master-addr', '127.0.0.1', '--master-port', '29500']


@pytest.mark.parametrize('script', SCRIPTS)
def test_help_and_too_few_arguments(launch, script):
    code, printed, _ = launch(script, '--help')
    assert code == 0 and printed[0].startswith(f'usage: tools/{script}.sh ') and len(printed) > 2
    code, out, error = launch(script, 'a config.py')
    assert (code, out) == (2, []) and error.strip() == printed[0]
    subprocess.run(['bash', '-n', f'{ROOT}/tools/{script}.sh'], check=True)


@pytest.mark.parametrize('script, arguments, environment, message', [
    ('dist_train', ['b.py', '2'], {}, 'dist_train.sh: error: b.py: no such config'),
    ('dist_test', ['a config.py', 'b.pth', '2'], {}, 'b.pth: no such checkpoint'),
    ('slurm_train', ['gpu', 'job', 'b.py', 'run'], {}, 'b.py: no such config'),
    ('slurm_test', ['gpu', 'job', 'a config.py', 'b.pth'], {}, 'b.pth: no such checkpoint'),
    ('dist_train', ['a config.py', '0'], {}, 'GPUS is 0, expected a whole number from 1 to 1024'),
    ('dist_train', ['a config.py', '--amp'], {}, "GPUS is '--amp', expected"),
    ('dist_train', ['a config.py', '2'], dict(NNODES='2', NODE_RANK='0'),
     "MASTER_ADDR is '', expected the host of node 0"),
    ('dist_train', ['a config.py', '2'], dict(NNODES='2', MASTER_ADDR='a'), "NODE_RANK is ''"),
    ('dist_train', ['a config.py', '2'], dict(MAX_RESTARTS='often'), "MAX_RESTARTS is 'often'"),
    ('slurm_train', ['gpu', 'job', 'a config.py', 'run'], dict(GPUS='all'), "GPUS is 'all'"),
    ('slurm_train', ['gpu', 'job', 'a config.py', 'run'], dict(MODE='soon'), "MODE is 'soon'"),
    ('slurm_train', ['gpu', 'job', 'a config.py', '--amp'], {}, "WORK_DIR is '--amp'"),
    ('slurm_train', ['', 'job', 'a config.py', 'run'], {}, "PARTITION is ''"),
    ('slurm_train', ['gpu', 'a\nb', 'a config.py', 'run'], {}, "JOB_NAME is $'a\\nb'"),
    ('slurm_train', ['gpu', 'job', 'a config.py', 'a config.py/run'], dict(MODE='batch'),
     'a config.py/run: cannot make this folder')])
def test_bad_arguments_end_with_one_error_line(launch, script, arguments, environment, message):
    code, printed, error = launch(script, *arguments, **environment)
    assert (code, printed) == (2, [])
    assert message in error and error.count('\n') == 1


ODD_NUMBERS = ['', ' ', '-1', '08', '010', '1e3', '1.5', '0x8', ' 8', '8 ', '8\n9', '+8', '\u0661',
               '9' * 11, '18446744073709551617', 'a[$(touch executed)]']
LARGEST = dict(GPUS='9999', GPUS_PER_NODE='1024', CPUS_PER_TASK='1024', SIGNAL_SECONDS='65535')
LARGEST_OF_TORCHRUN = dict(PORT='65535', NNODES='9999', MAX_RESTARTS='9999',
                           OMP_NUM_THREADS='1024')


def test_odd_numbers_are_refused(launch, project):
    for value in ODD_NUMBERS:
        check_refused(launch, 'GPUS', 'slurm_train', 'gpu', 'job', 'a config.py', 'run',
                      GPUS=value)
        check_refused(launch, 'GPUS', 'dist_train', 'a config.py', value)
    assert not (project / 'executed').exists()


@pytest.mark.parametrize('value', ['', '08', '1e3'])
def test_every_number_is_checked(launch, value):
    for name in LARGEST:
        check_refused(launch, name, 'slurm_train', 'gpu', 'job', 'a config.py', 'run',
                      **{name: value})
    for name in LARGEST_OF_TORCHRUN:
        check_refused(launch, name, 'dist_train', 'a config.py', '2', MASTER_ADDR='first',
                      NODE_RANK='0', **{name: value})
    check_refused(launch, 'NODE_RANK', 'dist_train', 'a config.py', '2', MASTER_ADDR='first',
                  NNODES='2', NODE_RANK=value)


def check_refused(launch, name, script, *arguments, **environment):
    code, printed, error = launch(script, *arguments, **environment)
    assert (code, printed) == (2, []), (name, environment)
    assert f'error: {name} is ' in error and error.count('\n') == 1, error


def test_ranges_of_numbers(launch):
    slurm = ['slurm_train', 'gpu', 'job', 'a config.py', 'run']
    nodes = dict(MASTER_ADDR='first', NODE_RANK='0')
    assert launch(*slurm, **LARGEST)[0] == 0
    assert launch(*slurm, **dict.fromkeys(LARGEST, '1'))[0] == 0
    assert launch('dist_train', 'a config.py', '1024', **nodes, **LARGEST_OF_TORCHRUN)[0] == 0
    assert launch('dist_train', 'a config.py', '2', NNODES='3', MASTER_ADDR='first',
                  NODE_RANK='2')[0] == 0
    for name, value in LARGEST.items():
        for outside in ('0', str(int(value) + 1)):
            check_refused(launch, name, *slurm, **{name: outside})
    for name, value in LARGEST_OF_TORCHRUN.items():
        for outside in (str(int(value) + 1), *(['0'] if name != 'MAX_RESTARTS' else [])):
            check_refused(launch, name, 'dist_train', 'a config.py', '2', **nodes,
                          **{name: outside})
    check_refused(launch, 'GPUS', 'dist_train', 'a config.py', '1025')
    check_refused(launch, 'NODE_RANK', 'dist_train', 'a config.py', '2', NNODES='3',
                  MASTER_ADDR='first', NODE_RANK='3')


@pytest.mark.parametrize('value, words', [
    ('', []), (' \n\t', []), ('--time=1:00\n--qos=low', ['--time=1:00', '--qos=low']),
    ('--comment="two words" -t \'1:00 \'', ['--comment=two words', '-t', '1:00 ']),
    ('--comment=$(touch\\ executed)*', ['--comment=$(touch executed)*'])])
def test_words_of_srun_args(launch, project, value, words):
    code, line, error = launch('slurm_train', 'gpu', 'job', 'a config.py', 'run', SRUN_ARGS=value)
    assert code == 0, error
    assert line[7:line.index('--kill-on-bad-exit=1')] == words
    assert not (project / 'executed').exists()


@pytest.mark.parametrize('value', ['--comment="two words', "it's", 'low', '--qos=low -- sh', '--',
                                   '--comment="a\nb"', '"" --qos=low'])
def test_srun_args_that_would_change_the_program_are_refused(launch, value):
    check_refused(launch, 'SRUN_ARGS', 'slurm_train', 'gpu', 'job', 'a config.py', 'run',
                  SRUN_ARGS=value)


def test_scripts_ignore_cdpath(launch, project, tmp_path):
    """With CDPATH, cd from a relative name may enter a folder of the same name elsewhere."""
    (tmp_path / 'other/tools').mkdir(parents=True)
    (tmp_path / 'other/tools/train.py').touch()
    code, line, error = launch('dist_train', 'a config.py', '2', CDPATH=f'{tmp_path}/other')
    assert code == 0, error
    assert f'{project}/tools/train.py' in line
    for script in [*(ROOT / 'tools').glob('*.sh'), ROOT / '.ci/run']:
        text = script.read_text()
        assert 'launch_common.sh"' in text or text.index('unset CDPATH') < text.index('cd "')


def test_training_on_one_machine(launch, project):
    code, line, error = launch('dist_train', 'a config.py', '2', '--cfg-options', 'a="b c"')
    assert code == 0, error
    assert line == torchrun(project, 'train.py', 'a config.py', '--launcher', 'pytorch',
                            '--cfg-options', 'a="b c"', rendezvous=LOCAL)


@pytest.mark.parametrize('own, added', [
    ([], ['--resume', 'auto']), (['--resume', 'a.pth'], []), (['--resume=a.pth'], [])])
def test_restarts_resume_from_the_newest_checkpoint(launch, project, own, added):
    _, line, _ = launch('dist_train', 'a config.py', '2', *own, MAX_RESTARTS='3', PORT='77')
    assert line == torchrun(project, 'train.py', 'a config.py', '--launcher', 'pytorch', *own,
                            *added, restarts='3', rendezvous=[*LOCAL[:3], '77'])


@pytest.mark.parametrize('rank, host', [('0', '1'), ('1', '0')])
def test_nodes_connect_to_the_first_node(launch, project, rank, host):
    environment = dict(NNODES='2', NODE_RANK=rank, MASTER_ADDR='first', PORT='77')
    rendezvous = ['--rdzv-backend', 'c10d', '--rdzv-endpoint', 'first:77', '--rdzv-id',
                  'mmdet3d_plugin', '--rdzv-conf', f'is_host={host}']
    _, line, _ = launch('dist_test', 'a config.py', 'some weights.pth', '2', **environment)
    assert line == torchrun(project, 'test.py', 'a config.py', 'some weights.pth', '--launcher',
                            'pytorch', nodes='2', rendezvous=rendezvous)


@pytest.mark.parametrize('environment, resources', [
    ({}, ['--gres=gpu:8', '--ntasks=8', '--ntasks-per-node=8', '--cpus-per-task=5']),
    (dict(GPUS='4'), ['--gres=gpu:4', '--ntasks=4', '--ntasks-per-node=4', '--cpus-per-task=5']),
    (dict(GPUS='16', GPUS_PER_NODE='4', CPUS_PER_TASK='9', GRES='gpu:a100:4',
          SRUN_ARGS='--time=1:00 --qos=low'),
     ['--gres=gpu:a100:4', '--ntasks=16', '--ntasks-per-node=4', '--cpus-per-task=9',
      '--time=1:00', '--qos=low'])])
def test_slurm_with_srun(launch, project, environment, resources):
    for script, given, tool in [
            ('slurm_train', ['my run', '--amp'], ['train.py', 'a config.py', '--work-dir',
                                                  'my run', '--amp']),
            ('slurm_test', ['some weights.pth'], ['test.py', 'a config.py', 'some weights.pth'])]:
        code, line, error = launch(script, 'gpu', 'a job', 'a config.py', *given, **environment)
        assert code == 0, error
        assert line == ['srun', '--partition=gpu', '--job-name=a job', *resources,
                        '--kill-on-bad-exit=1', 'python', '-u', f'{project}/tools/{tool[0]}',
                        *tool[1:], '--launcher', 'slurm']


@pytest.mark.parametrize('ended, requeued, code', [(0, False, 0), (138, True, 0), (1, False, 1),
                                                   (143, False, 143)])
def test_a_batch_job_is_requeued_after_the_warning(launch, project, ended, requeued, code):
    _, line, error = launch('slurm_train', 'gpu', 'a job', 'a config.py', 'my run', MODE='batch',
                            GPUS='2', SRUN_ARGS='--time=1:00')
    assert line == ['sbatch', '--partition=gpu', '--job-name=a job', '--gres=gpu:2',
                    '--ntasks=2', '--ntasks-per-node=2', '--cpus-per-task=5', '--time=1:00',
                    '--requeue', '--open-mode=append', '--signal=USR1@120',
                    '--output=my run/slurm-%j.out'], error
    assert (project / 'my run').is_dir()
    (project / 'bin/srun').write_text(PRINTER + f'exit {ended}\n')
    done = subprocess.run(
        ['bash', project / 'bin/sbatch.script'], text=True, capture_output=True,
        env=dict(PATH=f'{project}/bin:{os.environ["PATH"]}', SLURM_JOB_ID='12',
                 SLURM_CPUS_PER_TASK='5'))
    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines() == [
        'srun', '--cpus-per-task=5', '--kill-on-bad-exit=0', '--wait=60', 'python', '-u',
        f'{project}/tools/train.py', 'a config.py', '--work-dir', 'my run', '--launcher',
        'slurm', '--resume', 'auto', *(['scontrol', 'requeue', '12'] if requeued else [])]


EXTRA = """
train_dataloader['batch_size'] = val_dataloader['batch_size'] = 1
train_cfg = dict(max_epochs=2, val_interval=2)
custom_imports = dict(imports=[*_base_.custom_imports['imports'], 'dying_hook'])
custom_hooks = [*_base_.custom_hooks, dict(type='DyingHook')]
"""
# Rank 1 is killed once, before the last step of the second epoch.
DYING_HOOK = """
import os, signal
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class DyingHook(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        mark = os.environ.get('DIE_ONCE')
        if mark and runner.iter == 3 and get_rank() == 1 and not os.path.exists(mark):
            open(mark, 'w').close()
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def real(tmp_path, kitti_root):
    """Return ``real(SCRIPT, *ARGUMENTS, **ENVIRONMENT)``, which starts a process.

    It returns the process and its log file. The process is killed at the end of the test.
    """
    write_config(tmp_path, kitti_root, extra=EXTRA)
    (tmp_path / 'dying_hook.py').write_text(DYING_HOOK)
    started = []

    def start(script, *arguments, **environment):
        environment = {**os.environ, 'CUDA_VISIBLE_DEVICES': '', 'PYTHONPATH': str(tmp_path),
                       'PORT': free_port(), **environment}
        log = (tmp_path / f'{len(started)}.log').open('w+')
        started.append(subprocess.Popen([script, *map(str, arguments)], cwd=tmp_path, stdout=log,
                                        stderr=subprocess.STDOUT, env=environment,
                                        start_new_session=True))
        return started[-1], tmp_path / f'{len(started) - 1}.log'

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def finish(process, log):
    assert process.wait(timeout=120) == 0, log.read_text()[-3000:]


def figures_of(work_dir):
    return json.loads(next(work_dir.glob('*/*.json')).read_text())


@pytest.mark.slow
def test_two_processes_give_the_same_test_results_as_one(real, tmp_path):
    finish(*real(f'{ROOT}/tools/dist_train.sh', 'tiny.py', 2, '--work-dir', 'run'))
    weights = tmp_path / 'run/epoch_2.pth'
    assert torch.load(weights, weights_only=True)['meta']['iter'] == 4  # 4 frames, 2 epochs
    finish(*real(f'{ROOT}/tools/dist_test.sh', 'tiny.py', weights, 2, '--work-dir', 'two',
                 '--submission-dir', 'of_two'))
    finish(*real(sys.executable, ROOT / 'tools/test.py', 'tiny.py', weights, '--work-dir', 'one',
                 '--submission-dir', 'of_one', OMP_NUM_THREADS='1'))
    of_two, of_one = ({path.name: path.read_text() for path in (tmp_path / folder).rglob('*.txt')}
                      for folder in ('of_two', 'of_one'))
    assert of_two == of_one and len(of_one) == 4 and any(of_one.values())
    two, one = (figures_of(tmp_path / folder) for folder in ('two', 'one'))
    names = [name for name in one if name.startswith('kitti/')]
    assert len(names) > 20 and all(two[name] == one[name] for name in names)


@pytest.mark.slow
def test_two_nodes_resume_after_the_death_of_a_process(real, tmp_path):
    """Both nodes are this machine. Only the second epoch is repeated."""
    rendezvous = dict(NNODES='2', MASTER_ADDR='127.0.0.1', PORT=free_port(), MAX_RESTARTS='1',
                      DIE_ONCE=str(tmp_path / 'died'))
    nodes = [real(f'{ROOT}/tools/dist_train.sh', 'tiny.py', 1, '--work-dir', 'run',
                  NODE_RANK=str(rank), **rendezvous) for rank in (0, 1)]
    for node in nodes:
        finish(*node)
    assert (tmp_path / 'died').exists()
    printed = ''.join(log.read_text() for _, log in nodes)
    assert len(re.findall(r'resumed epoch: 1, iter: 2', printed)) == 1
    assert torch.load(tmp_path / 'run/epoch_2.pth', weights_only=True)['meta']['iter'] == 4
