"""Model folders: weights, config and model card, as model hubs expect them."""
import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import torch
from mmengine.config import Config
from safetensors.torch import save_file

from ..errors import InputError
from ..models.model_contract import DEPTH, task_of_config
from ..utils.files import atomic_path, atomic_write, shortened
from .load_model import drop_pretrained
from .safe_loading import STATES
from .trained_model import CONFIG_FILE, WEIGHTS_FILE, TrainedModel

CARD_FILE = 'README.md'
UNSTATED = 'not stated'
MAX_STATE = 100_000  # numbers of a tensor in the state of a hook
# Task names of Hugging Face's hub.
PIPELINE_TAGS = {'detection': 'object-detection', 'depth': 'depth-estimation'}

CARD = '''---
library_name: mmdet3d_plugin
pipeline_tag: {pipeline_tag}
license: {license}
datasets: [{dataset_tag}]
tags: [{tags}]
---

# {title}

{purpose}

```python
from mmdet3d_plugin import Predictor

predictor = Predictor('path/of/this/folder')
prediction, = predictor('picture.png', fov=80)
print(prediction.to_dict())
```

## Model

| entry | value |
|---|---|
{facts}

## Metrics

{metrics}

## Data

{data}

## Licence

Weights: {license_text}. Data: see the licence of the data set.

## Files

- `{weights}`: weights, without auxiliaries and without optimizer state
- `{config}`: model, preparation of images, classes and training camera, as plain values
'''


def write_model_folder(folder: Path, model: TrainedModel, title: str,
                       metrics: Optional[Dict[str, float]] = None,
                       license_name: Optional[str] = None,
                       dataset: Optional[str] = None) -> None:
    """Write a model folder, which ``Predictor`` loads and which can be pushed to a hub.

    Args:
        folder: folder to write; existing files of the same names are replaced.
        model: the trained model.
        title: title of the model card.
        metrics: figures of the model card by name; None if unknown.
        license_name: licence of the weights, as the hub names it, such as ``'apache-2.0'``.
        dataset: name of the training data.

    Raises:
        InputError: the folder cannot be written.
    """
    states = plain_states(model.states)
    # Tensors that share memory, and views, cannot be stored.
    weights = {key: value.detach().clone().contiguous() for key, value in model.weights.items()}
    with atomic_path(folder / WEIGHTS_FILE) as path:
        save_file(weights, str(path), metadata={'format': 'pt', STATES: json.dumps(states)})
    atomic_write(folder / CONFIG_FILE, config_text(model.config))
    atomic_write(folder / CARD_FILE, model_card(model, title, metrics or {}, license_name,
                                                dataset or UNSTATED))


def plain_states(states: Dict[str, Any]) -> Dict[str, Any]:
    """Return the states of hooks as plain values, without entries that are no states of hooks.

    Args:
        states: see :class:`~.trained_model.TrainedModel`.

    Example:
        >>> plain_states(dict(warmup=dict(selecting=True, losses=torch.ones(2)), other={1, 2}))
        {'warmup': {'selecting': True, 'losses': [1.0, 1.0]}}
    """
    plain = {}
    for key, value in states.items():
        try:
            plain[key] = json.loads(json.dumps(value, default=_short_list))
        except (TypeError, ValueError):
            continue
    return plain


def _short_list(value: Any) -> list:
    """Return the numbers of a short tensor.

    Raises:
        TypeError: the value is anything else.
    """
    if isinstance(value, torch.Tensor) and value.numel() <= MAX_STATE:
        return value.tolist()
    raise TypeError(type(value).__name__)


def config_text(config: Config) -> str:
    """Return the text of a deployed config, without names of local files.

    Args:
        config: see :func:`~.deployment.deploy_config`.

    Example:
        >>> text = config_text(Config(dict(model=dict(init_cfg=dict(
        ...     type='Pretrained', checkpoint='/home/me/a.pth')))))
        >>> '/home' in text, 'init_cfg' in text
        (False, True)
    """
    plain = Config(config.to_dict())
    drop_pretrained(plain.model)
    return plain.pretty_text


def model_card(model: TrainedModel, title: str, metrics: Dict[str, float],
               license_name: Optional[str], dataset: str) -> str:
    """Return the model card, a Markdown page with the hub's metadata.

    The arguments are those of :func:`write_model_folder`.
    """
    config = model.config
    task = task_of_config(config.model)
    camera = config.get('training_camera')
    parameters = sum(value.numel() for value in model.weights.values()
                     if isinstance(value, torch.Tensor))
    facts: List[Tuple[str, Any]] = [
        ('task', 'dense depth' if task == DEPTH else 'monocular 3D object detection'),
        ('class', config.model.type), ('numbers in the weights', f'{parameters:,}')]
    if config.class_names and task != DEPTH:
        facts.append(('classes, in label order', ', '.join(config.class_names)))
    if camera:
        try:
            width, height = camera['image_size']
            facts.append(('training camera', f'focal length {camera["focal_length"]:.1f} pixels '
                          f'in images of {width:d}x{height:d} pixels'))
        except (KeyError, TypeError, ValueError):
            raise InputError(f'{model.source}: training_camera={shortened(camera)} is no camera; '
                             'name the config that it was trained with (--config)') from None
    for name in ('epoch', 'iter'):
        if isinstance(model.meta.get(name), int):
            facts.append((name, model.meta[name]))
    rows = [f'| {name} | {value:.4g} |' for name, value in metrics.items()]
    purpose = ('Estimates the depth in metres of every pixel of one image.' if task == DEPTH else
               'Detects objects in 3D from one image: location, size and heading in metres.')
    slug = ''.join(letter if letter.isalnum() else '-' for letter in dataset.lower())
    return CARD.format(
        pipeline_tag=PIPELINE_TAGS[task], license=license_name or 'other',
        dataset_tag='' if dataset == UNSTATED else slug,
        tags=', '.join(['monocular', '3d', 'mmdet3d', PIPELINE_TAGS[task]]), title=title,
        purpose=purpose, facts='\n'.join(f'| {name} | {value} |' for name, value in facts),
        metrics='\n'.join(['| metric | value |', '|---|---|', *rows]) if rows else
        'Not known: the log of the training was not beside the checkpoint.',
        data=f'Training data: {dataset}.', license_text=license_name or UNSTATED,
        weights=WEIGHTS_FILE, config=CONFIG_FILE)
