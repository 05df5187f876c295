"""mmdet3d's inferencers with the configs of this project.

``MonoDet3DInferencer`` looks for the transform that loads the image by its exact name, and
replaces it by one for images in memory. This module extends the search to transforms that are
derived from it, such as ``LoadImageMono3D``.
"""
from typing import Any, Sequence

from mmdet3d.apis.inferencers.base_3d_inferencer import Base3DInferencer
from mmdet3d.registry import TRANSFORMS


def transform_index(inferencer: Any, pipeline: Sequence[dict], name: str) -> int:
    """Return the index of the first transform of a class or of a class derived from it.

    Args:
        inferencer: the inferencer, which is not used.
        pipeline: configs of the transforms.
        name: registered name of the class.

    Returns:
        The index, or -1 if there is none.

    Example:
        >>> import mmdet3d_plugin.datasets
        >>> pipeline = [dict(type='CropScaleAffine'), dict(type='LoadImageMono3D')]
        >>> transform_index(None, pipeline, 'LoadImageFromFileMono3D')
        1
    """
    wanted = TRANSFORMS.get(name)
    for index, transform in enumerate(pipeline):
        found = transform['type']
        found = TRANSFORMS.get(found) if isinstance(found, str) else found
        if isinstance(found, type) and isinstance(wanted, type) and issubclass(found, wanted):
            return index
    return -1


Base3DInferencer._get_transform_idx = transform_index
