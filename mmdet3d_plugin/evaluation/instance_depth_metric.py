"""Depth errors on movable instances as an mmengine metric."""
from typing import Dict, List, Optional, Sequence, Union

import numpy as np
from mmdet3d.registry import METRICS

from ..benchmarks.clips.instance_maps import CLASS_FACTOR
from ..benchmarks.depth.map_errors import DEPTH_STYLES, DepthEvaluation, DepthProtocol
from ..errors import InputError
from ..structures.class_names import find_class
from .sample_arrays import array_of
from .table_metric import TableMetric

PARTS = ('movable', 'moving', 'static')


@METRICS.register_module()
class InstanceDepthMetric(TableMetric):
    """Errors of :class:`DepthMetric` on the pixels of movable instances: all, moving and static.

    Errors are computed per image over the pixels of a part, and averaged over the images that
    have such pixels, see ``docs/evaluation.md``. With median scaling, a prediction is scaled by
    the medians of its whole image.

    Samples hold ``gt_depth_map`` and ``pred_depth_map`` as for :class:`DepthMetric`, and
    ``gt_instance_map`` (H, W), the id of the instance at each pixel of the original image, 0
    where there is none. ``moving_ids`` lists the ids of the moving instances; all others are
    static. Samples without it count as ``movable`` alone. ``instance_classes`` maps ids to
    class names.

    Returns values such as ``instance_depth/moving_AbsRel``, and the numbers
    ``instance_depth/moving_images`` and ``instance_depth/moving_pixels``. A part without pixels
    in any image has the two numbers alone.

    Args:
        classes: names of the evaluated classes; all instances by default. Instances that
            ``instance_classes`` lacks are of no class.
        class_codes: class name by code, for maps of ``1000 * code + number`` such as those of
            Cityscapes, ``{26: 'Car'}``. Pixels of other codes and with less than 1000 are
            background. By default each id other than 0 is an instance.
        min_depth: pixels count with a true depth above this one, metres.
        max_depth: pixels count with a true depth below this one, metres.
        crop: see :class:`DepthMetric`.
        median_scaling: see :class:`DepthMetric`.
        collect_device: device on which the results of all ranks are gathered.
        prefix: prefix of the keys in place of ``instance_depth``.

    Raises:
        InputError: a frame has no depth map or no instance map, sizes differ, a prediction
            contains NaN, the classes of a frame are unknown, or no image has a pixel of an
            instance that counts.

    Example:
        The car with id 7 is 2 m too far of 10 m, the parked one with id 8 is right:

        >>> from contextlib import redirect_stdout
        >>> from io import StringIO
        >>> import torch
        >>> metric = InstanceDepthMetric()
        >>> metric.process({}, [dict(
        ...     frame='a', gt_depth_map=dict(data=torch.tensor([[[10., 5., 30.]]])),
        ...     pred_depth_map=dict(data=torch.tensor([[[12., 5., 90.]]])),
        ...     gt_instance_map=dict(data=torch.tensor([[[7, 8, 0]]])), moving_ids=[7])])
        >>> with redirect_stdout(StringIO()):  # hide the logged table
        ...     figures = metric.evaluate(1)
        >>> {part: round(figures[f'instance_depth/{part}_AbsRel'], 6) for part in PARTS}
        {'movable': 0.1, 'moving': 0.2, 'static': 0.0}
    """

    default_prefix = 'instance_depth'

    def __init__(self, classes: Optional[Sequence[str]] = None,
                 class_codes: Optional[Dict[int, str]] = None, min_depth: float = 1e-3,
                 max_depth: float = 80., crop: Optional[Union[str, Sequence[str]]] = None,
                 median_scaling: bool = False, collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.classes = (classes,) if isinstance(classes, str) else classes
        self.class_codes = class_codes
        self.protocol = DepthProtocol(min_depth, max_depth, crop, median_scaling)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep each image's errors and number of pixels per part."""
        for sample in data_samples:
            name = sample['frame']
            for key, transform in (('gt_depth_map', 'LoadDepthMap'),
                                   ('gt_instance_map', 'LoadClipInstances(target_only=True)')):
                if key not in sample:
                    raise InputError(f'{sample.get("img_path", name)}: has no {key} to evaluate '
                                     f'instances; add {transform} to the test pipeline')
            truth = array_of(sample['gt_depth_map'], 2).astype(np.float32)
            predicted = array_of(sample['pred_depth_map'], 2).astype(np.float32)
            masks = self.parts(sample)
            if masks['movable'].shape != truth.shape:
                raise InputError(f'{name}: the size {masks["movable"].shape} of the instance map '
                                 f'differs from {truth.shape} of the true depth; load both at '
                                 "the original image's size")
            errors = {part: self.protocol.errors(truth, predicted, name, mask)
                      for part, mask in masks.items()}
            valid = self.protocol.valid(truth)
            self.results.append((name, {part: (errors[part], int((valid & mask).sum()))
                                        for part, mask in masks.items()}))

    def parts(self, sample: dict) -> Dict[str, np.ndarray]:
        """Return the pixels (H, W) of each part, bool.

        Args:
            sample: sample with ``gt_instance_map`` and, optionally, ``moving_ids`` and
                ``instance_classes``.

        Raises:
            InputError: ``classes`` is set, but the classes of the instances are unknown.
        """
        ids = array_of(sample['gt_instance_map'], 2).astype(np.int64)
        movable = self._movable(ids, sample)
        moving_ids = sample.get('moving_ids')
        if moving_ids is None:
            return dict(movable=movable)
        moving = movable & np.isin(ids, np.asarray(moving_ids, dtype=np.int64))
        return dict(movable=movable, moving=moving, static=movable & ~moving)

    def _movable(self, ids: np.ndarray, sample: dict) -> np.ndarray:
        """Return the pixels of all instances of the evaluated classes."""
        if self.class_codes is not None:
            codes = [int(code) for code, name in self.class_codes.items()
                     if self.classes is None or find_class(name, self.classes)]
            return (ids >= CLASS_FACTOR) & np.isin(ids // CLASS_FACTOR, codes)
        if self.classes is None:
            return ids != 0
        names = sample.get('instance_classes')
        if not isinstance(names, dict):
            raise InputError(f'{sample["frame"]}: the classes of its instances are unknown; '
                             'evaluate it with classes=None, or set class_codes')
        chosen = [int(index) for index, name in names.items()
                  if find_class(name, self.classes)]
        return (ids != 0) & np.isin(ids, chosen)

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Return the means over images, and the numbers of images and pixels, per part."""
        figures: Dict[str, float] = {}
        title = 'movable instances' if self.classes is None else ', '.join(self.classes)
        lines = [f'{title}, {self.protocol.title}', f'{"part":8}{"images":>8}{"pixels":>10}'
                 + ''.join(f'{key:>9}' for key in DEPTH_STYLES)]
        for part in PARTS:
            found = [(name, *parts[part]) for name, parts in results if part in parts]
            if not found:
                continue  # the motion is unknown in every image
            evaluation = DepthEvaluation(self.protocol)
            for name, errors, _ in found:
                evaluation.add(name, errors)
            counts = len(evaluation.images), sum(pixels for *_, pixels in found)
            means = evaluation.to_dict() if evaluation.images else {}
            if part == 'movable' and not means:
                raise InputError(f'none of {len(results)} images has a pixel of {title} with '
                                 f'{self.protocol.title}; check the instance maps, their ids '
                                 'and the depth files')
            figures.update({f'{part}_{key}': value for key, value in means.items()})
            figures.update({f'{part}_images': counts[0], f'{part}_pixels': counts[1]})
            lines.append(f'{part:8}{counts[0]:>8}{counts[1]:>10}' + ''.join(
                f'{means[key]:>9.4f}' if means else f'{"-":>9}' for key in DEPTH_STYLES))
        self.log_table('\n'.join(lines))
        return figures
