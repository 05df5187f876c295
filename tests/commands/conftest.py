"""Fixtures of the command tests."""
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer


@pytest.fixture
def run_tool(run_tool):
    """The fixture ``run_tool``, with loggers and visualizers of its own for every run.

    MMEngine names them by config and second, so two runs of one second would share them.
    """
    def run(*arguments):
        for manager in (DefaultScope, MessageHub, MMLogger, Visualizer):
            for name in [name for name in manager._instance_dict if name.startswith('tiny')]:
                del manager._instance_dict[name]
        return run_in_process(*arguments)

    run_in_process = run_tool
    return run


@pytest.fixture
def write_weights():
    """Return ``write_weights(CONFIG, FILE)``, which saves the initial weights of a model."""
    def write(config, path):
        torch.manual_seed(0)
        model = MODELS.build(Config.fromfile(config).model)
        torch.save(dict(state_dict=model.state_dict()), path)
        return path

    return write
