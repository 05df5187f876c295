"""Terminal output of a run, and the logs of its figures."""
import json
import logging
import sys
from types import ModuleType
from unittest.mock import MagicMock

import pytest
from mmdet3d.registry import METRICS
from mmengine.logging import print_log
from reliability.toy_runner import toy_config

from mmdet3d_plugin.engine.terminal_runner import TerminalRunner
from mmdet3d_plugin.engine.training_start import report_run
from mmdet3d_plugin.evaluation import TableMetric

FIGURES = {f'Car_{number}': number / 7 for number in range(60)} | {'R@1': 50.0}


@METRICS.register_module()
class ToyTableMetric(TableMetric):
    default_prefix = 'toy'

    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        self.log_table('the table\nof the metric')
        return FIGURES


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Function that returns the config of a training with a validation by two metrics."""
    # It calls compilers, which takes seconds.
    monkeypatch.setattr('mmengine.runner.runner.collect_env', lambda: dict(PyTorch='2'))

    def make(**changes):
        # Loggers are found by the name of the experiment.
        cfg = toy_config(tmp_path, log_level='INFO', experiment_name=tmp_path.name)
        cfg.merge_from_dict(dict(
            val_dataloader=cfg.test_dataloader, val_cfg=dict(),
            val_evaluator=[dict(type='ToyMetric'), dict(type='ToyTableMetric')],
            log_processor=dict(type='TableLogProcessor'),
            visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])))
        cfg.merge_from_dict(changes)
        return cfg

    return make


def read_scalars(work_dir):
    path, = work_dir.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_prints_few_lines(config, tmp_path, capsys):
    runner = TerminalRunner.from_cfg(config())
    report_run(runner)
    start = capsys.readouterr().out
    assert len(start.splitlines()) == 1
    assert f'log with config, hooks and environment: {runner.log_dir}' in start
    runner.train()
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) < 40
    assert 'Epoch(train)' in printed and 'HardDiskBackend' not in printed
    log, = tmp_path.glob('*/*.log')
    text = log.read_text()
    for part in ('System environment:', 'Config:\n', 'Hooks will be executed', 'Epoch(train)'):
        assert part in text
    assert (tmp_path / f'{runner.timestamp}.py').read_text() == runner.cfg.pretty_text


@pytest.mark.parametrize('level, text, terminal, file', [
    (logging.WARNING, '"FileClient" will be deprecated in future. Please use io', False, False),
    (logging.WARNING, 'a "FileClient" will be deprecated in future', True, True),
    (logging.WARNING, 'the other warning', True, True),
    (logging.INFO, 'Config:\na = 1', False, True),
    (logging.INFO, 'The number of instances per category in the dataset:\n|a|', False, True),
    (logging.INFO, 30 * '-', False, True),
    (logging.INFO, 'paramwise_options -- head.weight:lr=0.1', False, True),
    (logging.INFO, '-3 degrees', True, True),
    (logging.INFO, 'The length of training dataset: 4', True, True)])
def test_records_are_left_out_by_name(config, tmp_path, capsys, level, text, terminal, file):
    TerminalRunner.from_cfg(config())
    capsys.readouterr()
    print_log(text, 'current', level=level)
    assert (text in capsys.readouterr().out) == terminal
    log, = tmp_path.glob('*/*.log')
    assert log.read_text().endswith(f' - {text}\n') == file


def test_figures_of_a_validation_are_printed_once(config, tmp_path, capsys):
    TerminalRunner.from_cfg(config()).train()
    lines = capsys.readouterr().out.splitlines()
    start, = (number for number, line in enumerate(lines) if 'Epoch(val) [1][2/2]' in line)
    assert lines[start].split('[2/2]')[1].split()[::2] == ['data_time:', 'time:']
    assert lines[start + 1:] == ['frames  4']
    assert 'the table' in lines and max(map(len, lines)) < 200
    assert 'Car_7' not in '\n'.join(lines)
    figures = read_scalars(tmp_path)[-1]
    assert figures['toy/Car_7'] == 1.0 and figures['frames'] == 4
    assert {f'toy/{name}' for name in FIGURES} < set(figures)


def test_figures_of_a_test(config, tmp_path, capsys):
    runner = TerminalRunner.from_cfg(config(
        test_evaluator=[dict(type='ToyTableMetric'), dict(type='ToyMetric', prefix='other')]))
    runner.test()
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1].split() == ['other/frames', '4']
    saved, = tmp_path.glob('*/*.json')
    assert {'toy/R@1', 'other/frames'} < set(json.loads(saved.read_text()))


def mlflow_stub():
    """Module that refuses names as MLflow does."""
    module = ModuleType('mlflow')
    module.logged = {}

    def log_metrics(figures, step):
        for name in figures:
            if set(name) & set('@[](),'):
                raise ValueError(f'Invalid value "{name}"')
        module.logged[step] = figures

    for name in ('create_experiment', 'end_run', 'get_experiment_by_name', 'log_artifact',
                 'log_params', 'log_text', 'set_experiment', 'set_tracking_uri'):
        setattr(module, name, MagicMock())
    module.log_metrics = log_metrics
    return module


def test_mlflow(config, monkeypatch):
    module = mlflow_stub()
    monkeypatch.setitem(sys.modules, 'mlflow', module)
    backends = [dict(type='LocalVisBackend'),
                dict(type='MLflowBackend', tracking_uri='sqlite:///mlflow.db')]
    TerminalRunner.from_cfg(config(visualizer=dict(vis_backends=backends))).train()
    module.set_tracking_uri.assert_called_once_with('sqlite:///mlflow.db')
    assert module.logged[1]['toy/R_1'] == 50.0 and module.logged[1]['toy/Car_14'] == 2.0
    assert any('loss' in figures for figures in module.logged.values())


def test_wandb(config, monkeypatch):
    logged = []
    run = MagicMock(config=MagicMock())
    module = ModuleType('wandb')
    module.init = MagicMock(return_value=run)
    for name in ('run', 'config', 'define_metric', 'finish', 'join'):
        setattr(module, name, MagicMock())
    module.log = lambda figures, **options: logged.append(figures)
    monkeypatch.setitem(sys.modules, 'wandb', module)
    backends = [dict(type='LocalVisBackend'), dict(type='WandbVisBackend')]
    TerminalRunner.from_cfg(config(visualizer=dict(vis_backends=backends))).train()
    assert {f'toy/{name}': value for name, value in FIGURES.items()}.items() <= logged[-1].items()
    assert any('loss' in figures for figures in logged)


def test_tensorboard(config, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    TerminalRunner.from_cfg(config(visualizer=dict(vis_backends=backends))).train()
    folder, = tmp_path.glob('*/vis_data')
    events = EventAccumulator(str(folder)).Reload()
    assert {f'toy/{name}' for name in FIGURES} | {'loss'} <= set(events.Tags()['scalars'])
    assert events.Scalars('toy/R@1')[0].value == 50.0


@pytest.mark.parametrize('backend, package', [
    (dict(type='WandbVisBackend'), 'wandb'),
    (dict(type='MLflowBackend', tracking_uri='sqlite:///mlflow.db'), 'mlflow')])
def test_a_missing_library_is_named(config, monkeypatch, backend, package):
    monkeypatch.setitem(sys.modules, package, None)  # such as one that is not installed
    with pytest.raises(ImportError, match=f'pip install {package}'):
        TerminalRunner.from_cfg(config(visualizer=dict(vis_backends=[backend])))
