"""Interface between models and hooks: task, dense parts, loss methods."""
import pytest
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.config import Config, ConfigDict

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.model_contract import (
    dense_parts_of,
    loss_methods_of,
    task_of,
    task_of_config,
)

PARTS = {
    'monolss/monolss_dla34_synthetic': ('detection', ['backbone', 'neck', 'dense_head'],
                                        ['assign', 'loss', 'loss']),
    'smoke/smoke_dla34_synthetic-demo': ('detection', ['backbone', 'neck', 'bbox_head'],
                                         ['loss_by_feat']),
    'ddml/smoke_both_synthetic': ('detection', ['backbone', 'neck', 'bbox_head'],
                                  ['loss_by_feat']),
    'metricdepth/lt_synthetic': ('depth', ['backbone', 'decode_head'], ['loss']),
}


@pytest.mark.parametrize('name', PARTS)
def test_models_declare_task_and_parts(name):
    task, parts, methods = PARTS[name]
    settings = Config.fromfile(f'configs/{name}.py').model
    assert task_of_config(settings) == task
    settings.get('detector', settings).backbone.init_cfg = None
    model = MODELS.build(settings)
    assert task_of(model) == task
    assert list(dense_parts_of(model)) == parts
    owner = getattr(model, 'detector', model)
    assert all(part is getattr(owner, key) for key, part in dense_parts_of(model).items())
    assert [method for _, method in loss_methods_of(model)] == methods
    assert all(callable(getattr(part, method)) for part, method in loss_methods_of(model))


def test_model_without_task_is_refused():
    with pytest.raises(InputError, match="Linear declares the task None; set its class attribute"):
        task_of(nn.Linear(1, 1))


def test_config_of_an_unknown_model_is_refused():
    with pytest.raises(InputError, match="'NoSuchModel', which is not registered"):
        task_of_config(ConfigDict(type='NoSuchModel'))
