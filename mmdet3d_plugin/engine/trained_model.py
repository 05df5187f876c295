"""Trained models with their own config: checkpoints, model folders and work dirs."""
import copy
from pathlib import Path
from typing import Any, Dict, NamedTuple, Union

import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader

from ..errors import InputError
from ..utils.files import read_text, shortened
from .checkpoint_content import weights_of
from .config_files import read_config
from .deployment import deploy_config, deploy_weights
from .load_model import drop_pretrained, fill_model
from .plain_config import check_parts, parse_config
from .safe_loading import short_reason

WEIGHTS_FILE, CONFIG_FILE = 'model.safetensors', 'config.py'
LAST_CHECKPOINT = 'last_checkpoint'  # file of mmengine in a work dir
# Entries of a checkpoint that only a training needs.
TRAINING_ENTRIES = ('meta', 'state_dict', 'message_hub', 'optimizer', 'param_schedulers',
                    'train_loop', 'neighbour_table')


class TrainedModel(NamedTuple):
    """Weights of a model that predicts, with its config. Auxiliaries are left out.

    Attributes:
        source: file of the weights.
        config: config of prediction, see :func:`~.deployment.deploy_config`.
        weights: state dict.
        states: state of each hook that decides how the model predicts, by its name.
        meta: ``meta`` of the checkpoint; empty if it has none.
    """
    source: str
    config: Config
    weights: Dict[str, Any]
    states: Dict[str, Any]
    meta: Dict[str, Any]

    def build(self) -> nn.Module:
        """Build the model with its weights, on the CPU and in evaluation mode.

        ``model.cfg`` is the config.

        Raises:
            InputError: config and weights do not fit.
        """
        init_default_scope(self.config.default_scope)
        settings = copy.deepcopy(self.config.model)
        drop_pretrained(settings)
        try:
            model = MODELS.build(settings)
        except InputError:
            raise
        except Exception as error:  # depends on the defect of the config
            raise InputError(f'{self.source}: its config does not build a model '
                             f'({type(error).__name__}: {short_reason(error)}); name the config '
                             'that it was trained with (config=..., --config)') from error
        fill_model(model, self.config, dict(self.states, state_dict=self.weights), self.source)
        model.cfg = self.config
        return model.eval()


def read_trained_model(source: Union[str, Path], config: Union[str, Path, Config, None] = None
                       ) -> TrainedModel:
    """Read a trained model without executing code of it.

    Args:
        source: a checkpoint of a training (file or URL), which holds its config; a file of
            weights, together with ``config``; a model folder of ``tools/export_weights.py``; or
            a work dir, for its last checkpoint.
        config: config of the model, by default the one that ``source`` holds. A file is executed
            as mmengine's configs are, and may name any class. The config in ``source`` may name
            known classes only, see :func:`~.plain_config.check_parts`.

    Raises:
        InputError: there is no such file, it is unreadable, it holds no config and none is
            given, or its config is refused. :meth:`TrainedModel.build` checks that config and
            weights fit.
    """
    file = weights_file(source)
    if config is not None:
        config = config if isinstance(config, Config) else read_config(str(config))
    content = CheckpointLoader.load_checkpoint(file, map_location='cpu')
    meta = content.get('meta')
    meta = meta if isinstance(meta, dict) else {}
    classes = meta.get('dataset_meta')
    classes = classes.get('classes') if isinstance(classes, dict) else None
    if not isinstance(classes, (list, tuple)):
        classes = None
    if config is None:
        deployed = _deployed_own_config(file, meta, classes)
    else:
        deployed = deploy_config(config, classes)
    names = deployed.class_names
    if not all(isinstance(name, str) and name.isprintable() for name in names):
        raise InputError(f'{file}: {shortened(names)} are no names of classes; name the config '
                         'that it was trained with (config=..., --config)')
    weights = weights_of(content, file)
    return TrainedModel(
        file, deployed, deploy_weights(weights),
        {} if weights is content else {key: value for key, value in content.items()
                                       if key not in TRAINING_ENTRIES}, meta)


def weights_file(source: Union[str, Path]) -> str:
    """Return the file of weights of a model folder or a work dir, or the file itself.

    Raises:
        InputError: the folder holds no weights, or the file is a config.
    """
    path = Path(source).expanduser()
    if path.suffix == '.py':
        raise InputError(f'{path}: is a config, which has no weights; name a checkpoint, and give '
                         'the config as config=... (--config)')
    if not path.is_dir():
        return str(source)
    if (path / WEIGHTS_FILE).is_file():
        return str(path / WEIGHTS_FILE)
    if (path / LAST_CHECKPOINT).is_file():
        name = Path(read_text(path / LAST_CHECKPOINT, 'no such file').strip()).name
        return str(path / name)
    raise InputError(f'{path}: neither a model folder (no {WEIGHTS_FILE}) nor the work dir of a '
                     f'training (no {LAST_CHECKPOINT}); name a checkpoint')


def _deployed_own_config(file: str, meta: Dict[str, Any], classes: Any) -> Config:
    """Return the config of prediction that comes with weights, checked."""
    try:
        config = deploy_config(_own_config(file, meta), classes)
        if config.model.type == 'Embedder':
            raise InputError(f'{file}: embeds images; Predictor needs a detector or a depth '
                             'estimator')
        drop_pretrained(config.model)
        check_parts(config, file)
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f'{file}: its config is no config of a model ({short_reason(error)}); '
                         'name the config file instead') from None
    return config


def _own_config(file: str, meta: Dict[str, Any]) -> Config:
    """Return the config beside weights, or the config in a checkpoint.

    Raises:
        InputError: there is none.
    """
    beside = Path(file).with_name(CONFIG_FILE)
    if Path(file).name == WEIGHTS_FILE:
        return parse_config(read_text(beside, 'no such file; restore the model folder'),
                            str(beside))
    text = meta.get('cfg')
    if not isinstance(text, str):
        raise InputError(f'{file}: holds no config; name the config that it was trained with '
                         '(config=..., or --config)')
    return parse_config(text, file)
