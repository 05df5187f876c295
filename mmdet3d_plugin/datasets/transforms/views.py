"""Views of an image for metric learning, by transforms of torchvision."""
from typing import Optional, Sequence

import torch
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS
from mmengine.structures import BaseDataElement
from torchvision.transforms import v2

from ...errors import InputError


@TRANSFORMS.register_module()
class MakeViews(BaseTransform):
    """Make views of an image by transforms of ``torchvision.transforms.v2``.

    Adds ``views``, a (V, 3, H, W) uint8 RGB tensor, and with ``clean`` also ``clean_view``
    (3, H, W). Each view has its own random numbers.

    Args:
        transforms: configs of the transforms, ``type`` is a name of torchvision. An argument
            ``transforms``, such as that of RandomApply, holds configs too.
        num_views: V.
        clean: configs of the transforms of a view for the momentum encoder alone; None makes
            none.

    Raises:
        InputError: torchvision has no such transform, it does not have such arguments, or the
            views are not uint8 RGB images of one size.

    Example:
        >>> import numpy as np
        >>> make = MakeViews([dict(type='RandomResizedCrop', size=8)], num_views=2)
        >>> make(dict(img=np.zeros((12, 10, 3), np.uint8)))['views'].shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, transforms: Sequence[dict], num_views: int = 1,
                 clean: Optional[Sequence[dict]] = None) -> None:
        if num_views < 1:
            raise InputError(f'MakeViews: num_views is {num_views}, expected 1 or more')
        self.num_views = num_views
        self.transforms = _compose(transforms)
        self.clean = None if clean is None else _compose(clean)

    def transform(self, results: dict) -> dict:
        """Add the views of ``results['img']``, (H, W, 3) uint8 BGR."""
        image = torch.from_numpy(results['img'][..., ::-1].copy()).permute(2, 0, 1)
        views = [_checked(self.transforms(image)) for _ in range(self.num_views)]
        sizes = sorted({tuple(view.shape[1:]) for view in views})
        if len(sizes) > 1:
            raise InputError(f'MakeViews: views of the sizes {sizes[0]} and {sizes[1]}; end the '
                             'transforms with a crop to one size')
        results['views'] = torch.stack(views)
        if self.clean is not None:
            results['clean_view'] = _checked(self.clean(image))
        return results


def _compose(transforms: Sequence[dict]) -> v2.Compose:
    return v2.Compose([v2.Identity(), *map(_build, transforms)])


def _build(settings: dict) -> v2.Transform:
    """Build a transform of torchvision from its config."""
    settings = dict(settings)
    name = settings.pop('type', None)
    transform = getattr(v2, str(name), None)
    if not (isinstance(transform, type) and issubclass(transform, v2.Transform)):
        raise InputError(f'MakeViews: torchvision.transforms.v2 has no transform {name!r}')
    if 'transforms' in settings:
        settings['transforms'] = [_build(inner) for inner in settings['transforms']]
    try:
        return transform(**settings)
    except (TypeError, ValueError) as error:
        raise InputError(f'MakeViews: {name}: {error}') from error


def _checked(view: torch.Tensor) -> torch.Tensor:
    """Return a view, or raise InputError if it is no uint8 RGB image."""
    if not (isinstance(view, torch.Tensor) and view.dtype == torch.uint8
            and view.dim() == 3 and len(view) == 3):
        found = f'{tuple(view.shape)} {view.dtype}' if isinstance(view, torch.Tensor) else (
            type(view).__name__)
        raise InputError(f'MakeViews: the transforms return {found}, expected (3, H, W) uint8; '
                         'ViewsPreprocessor converts and normalises the views')
    return view


@TRANSFORMS.register_module()
class PackViews(BaseTransform):
    """Pack the views of a sample.

    Returns ``inputs`` with ``views`` and, if there is one, ``clean``, and a data sample with the
    metadata ``name``, ``img_path``, ``sample_idx``, ``label`` and ``box``.

    Example:
        >>> import torch
        >>> packed = PackViews()(dict(views=torch.zeros(1, 3, 4, 4), name='a', label=2))
        >>> packed['inputs']['views'].shape, packed['data_samples'].label
        (torch.Size([1, 3, 4, 4]), 2)
    """

    META_KEYS = ('name', 'img_path', 'sample_idx', 'label', 'box')

    def transform(self, results: dict) -> dict:
        """Return the packed sample."""
        clean = dict(clean=results['clean_view']) if 'clean_view' in results else {}
        sample = BaseDataElement(
            metainfo={key: results[key] for key in self.META_KEYS if key in results})
        return dict(inputs=dict(views=results['views'], **clean), data_samples=sample)
