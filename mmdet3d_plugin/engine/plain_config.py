"""Configs in checkpoints and model folders, read without executing code.

mmengine executes a config file as a Python program. A checkpoint or a model folder may come from
anywhere, so its config is only parsed: it has to consist of assignments of plain values.
"""
import ast
import math
from typing import Any, Iterable, Iterator, Sequence

from mmengine.config import Config
from mmengine.registry import root
from mmengine.registry.registry import Registry

from ..errors import InputError
from ..utils.files import shortened

MAX_LENGTH = 1 << 20  # characters of a config
MAX_NUMBER = 1e9  # largest magnitude of a number in the config of a model
SCOPE_KEYS = ('_scope_', 'default_scope')
FLOATS = dict(inf=math.inf, nan=math.nan)
# Entries whose names hold one of these name files or addresses of weights.
FILE_KEYS = ('checkpoint', 'pretrained', 'cache_dir')
OPT_IN = 'if you trust it, name the config file (--config, or config=...)'
# Registries of which the classes of models build their parts.
MODEL_REGISTRIES = ('model', 'task util', 'weight initializer')
# Classes of other packages in the configs of this project's detectors and depth estimators. None
# of them executes, unpickles or opens what its arguments name before weights are initialised.
KNOWN_CLASSES = frozenset([
    'mmcv.transforms.processing.Resize',
    'mmdet.datasets.transforms.transforms.Resize',
    'mmdet.models.backbones.resnet.ResNet',
    'mmdet.models.backbones.swin.SwinTransformer',
    'mmdet.models.losses.cross_entropy_loss.CrossEntropyLoss',
    'mmdet.models.losses.focal_loss.FocalLoss',
    'mmdet.models.losses.gaussian_focal_loss.GaussianFocalLoss',
    'mmdet.models.losses.smooth_l1_loss.L1Loss',
    'mmdet.models.losses.smooth_l1_loss.SmoothL1Loss',
    'mmdet.models.necks.fpn.FPN',
    'mmdet3d.datasets.transforms.loading.LoadImageFromFileMono3D',
    'mmdet3d.models.backbones.dla.DLANet',
    'mmdet3d.models.data_preprocessors.data_preprocessor.Det3DDataPreprocessor',
    'mmdet3d.models.dense_heads.fcos_mono3d_head.FCOSMono3DHead',
    'mmdet3d.models.dense_heads.pgd_head.PGDHead',
    'mmdet3d.models.dense_heads.smoke_mono3d_head.SMOKEMono3DHead',
    'mmdet3d.models.detectors.fcos_mono3d.FCOSMono3D',
    'mmdet3d.models.detectors.smoke_mono3d.SMOKEMono3D',
    'mmdet3d.models.losses.uncertain_smooth_l1_loss.UncertainSmoothL1Loss',
    'mmdet3d.models.necks.dla_neck.DLANeck',
    'mmdet3d.models.task_modules.coders.fcos3d_bbox_coder.FCOS3DBBoxCoder',
    'mmdet3d.models.task_modules.coders.pgd_bbox_coder.PGDBBoxCoder',
    'mmdet3d.models.task_modules.coders.smoke_bbox_coder.SMOKECoder',
    'mmengine.model.weight_init.NormalInit',
    'mmengine.model.weight_init.XavierInit',
    'torch.nn.modules.batchnorm.BatchNorm2d',
    'torch.nn.modules.normalization.GroupNorm',
])


def parse_config(text: str, title: str) -> Config:
    """Parse the text of a config that holds plain values alone, such as ``Config.pretty_text``.

    Accepted are assignments of numbers, strings, None, booleans, lists, tuples, dictionaries and
    calls of ``dict`` with keyword arguments.

    Args:
        text: text of the config.
        title: origin of the text, for messages.

    Raises:
        InputError: the text is too long, or holds anything else.

    Example:
        >>> parse_config("model = dict(type='A', depth=-1.5)", 'a.pth').model
        {'type': 'A', 'depth': -1.5}
        >>> parse_config('model = open("a")', 'a.pth')  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: a.pth: its config holds more than plain values (line 1...
    """
    if len(text) > MAX_LENGTH:
        raise InputError(f'{title}: its config has {len(text)} characters, expected at most '
                         f'{MAX_LENGTH}; name the config file instead')
    try:
        values = {}
        for statement in ast.parse(text).body:
            if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1
                    and isinstance(statement.targets[0], ast.Name)):
                raise _refusal(title, statement)
            values[statement.targets[0].id] = _value(statement.value, title)
        return Config(values)
    except InputError:
        raise
    except (SyntaxError, ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise InputError(f'{title}: its config cannot be parsed ({type(error).__name__}); name '
                         'the config file instead') from None


def _value(node: ast.expr, title: str) -> Any:
    """Return the value of an expression of plain values."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and node.id in FLOATS:
        return FLOATS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand, title)
        if type(value) in (int, float):
            return -value
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [_value(item, title) for item in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {_value(key, title): _value(value, title)
                for key, value in zip(node.keys, node.values) if key is not None}
    if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict'
            and all(isinstance(item, ast.Dict) for item in node.args)
            and all(item.arg for item in node.keywords)):
        values = {}
        for item in node.args:  # mmengine writes keys that are no identifiers so
            values.update(_value(item, title))
        return {**values, **{item.arg: _value(item.value, title) for item in node.keywords}}
    raise _refusal(title, node)


def _refusal(title: str, node: ast.AST) -> InputError:
    return InputError(f'{title}: its config holds more than plain values (line '
                      f'{getattr(node, "lineno", 0)}); name the config file instead')


def check_parts(config: Config, title: str) -> None:
    """Check that a parsed config of a model builds known classes alone, and reads no files.

    Some registered classes of OpenMMLab execute or unpickle their arguments, and mmengine imports
    any class with dots in its name. So a config from a file may name the classes of this project
    and those in :data:`KNOWN_CLASSES` only. Other classes need a config that the user names.

    Args:
        config: deployed config, see :func:`~.deployment.deploy_config`.
        title: origin of the config, for messages.

    Raises:
        InputError: a class is not known, an entry names a file of weights, a transform holds
            other transforms, a scope is not registered, or a number is too large.
    """
    entries = config.to_dict()
    scopes = {registry.scope for registry in _registries()}
    for key, value in _walk(entries):
        if key in SCOPE_KEYS and value not in scopes:
            raise InputError(f'{title}: its config has {key}={shortened(value)}, expected one of '
                             f'{", ".join(sorted(scopes))}; correct the config')
        if any(part in str(key) for part in FILE_KEYS) and value:
            raise InputError(f'{title}: its config has {key}={shortened(value)}, but weights are '
                             f'in the checkpoint; {OPT_IN}')
        if type(value) in (int, float) and MAX_NUMBER < abs(value) < math.inf:
            raise InputError(f'{title}: its config has {key}={shortened(value)}, expected at most '
                             f'{MAX_NUMBER:g}; correct the config')
    transforms = entries.pop('test_pipeline', [])
    hooks = entries.pop('custom_hooks', [])
    _check_classes(_types(entries), MODEL_REGISTRIES, title)
    _check_classes(_types(hooks), ('hook', ), title)
    _check_classes(_types(transforms), ('transform', ), title)
    for settings in transforms:
        if 'transforms' in settings or any(_types(list(settings.values()))):
            raise InputError(f'{title}: its config has the transform {settings["type"]}, which '
                             f'holds other transforms; {OPT_IN}')


def _check_classes(types: Iterable[Any], registries: Sequence[str], title: str) -> None:
    """Raise InputError for a type that is not the name of known classes alone.

    The scope of a name and the default scope decide which class mmengine builds. So all classes
    of this name have to be known.
    """
    searched = [registry for registry in _registries() if registry.name in registries]
    for kind in types:
        scope, _, name = kind.rpartition('.') if isinstance(kind, str) else ('', '', None)
        found = [(registry.scope, registry._module_dict[name]) for registry in searched
                 if name in registry._module_dict]
        scopes = ['', *(place for place, _ in found)]
        if not found or scope not in scopes or not all(_is_known(item) for _, item in found):
            raise InputError(f'{title}: its config names {shortened(kind)}, which is none of this '
                             f"project's classes; {OPT_IN}")


def _is_known(item: Any) -> bool:
    """Return whether a registered class belongs to this project or is in the list."""
    path = f'{getattr(item, "__module__", "")}.{getattr(item, "__qualname__", "")}'
    return path.startswith(f'{__package__.partition(".")[0]}.') or path in KNOWN_CLASSES


def _types(entries: Any) -> Iterator[Any]:
    """Yield the values of all nested entries ``type``."""
    return (value for key, value in _walk(entries) if key == 'type')


def _walk(entries: Any, key: Any = '') -> Iterator[tuple]:
    """Yield (key, value) of all nested entries. Items of a list have the key of the list."""
    if isinstance(entries, dict):
        for name, value in entries.items():
            yield name, value
            yield from _walk(value, name)
    elif isinstance(entries, (list, tuple)):
        for value in entries:
            yield key, value
            yield from _walk(value, key)


def _registries() -> Iterator[Registry]:
    """Yield all registries: mmengine's, and those of its children."""
    waiting = [value for value in vars(root).values() if isinstance(value, Registry)]
    while waiting:
        registry = waiting.pop()
        yield registry
        waiting.extend(registry._children.values())
