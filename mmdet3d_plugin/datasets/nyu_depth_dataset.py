"""NYU Depth V2: the split of Eigen et al. (2014), from images or the labelled .mat file."""
from pathlib import Path
from typing import Any, List

import numpy as np
from mmdet3d.registry import DATASETS

from ..benchmarks.depth.map_files import NYU_SCALE
from ..benchmarks.nyu.labelled_file import (
    LABELLED_FILE,
    RAW_DEPTHS,
    LabelledFrame,
    read_labelled_list,
)
from ..errors import InputError
from .depth_map_dataset import DepthMapDataset
from .frame_dataset import Frame

SIZE = (640, 480)
# Colour camera of NYU's toolbox (camera_params.m). The toolbox counts pixels from 1 at their
# centres: its centre is half a pixel more than in continuous pixels.
CAM2IMG = np.array([[518.85790117, 0., 325.58244941 - 0.5, 0.],
                    [0., 519.46961112, 253.73616633 - 0.5, 0.],
                    [0., 0., 1., 0.],
                    [0., 0., 0., 1.]])


@DATASETS.register_module()
class NYUDepthDataset(DepthMapDataset):
    """NYU's images and depth maps in millimetres, listed by the public lists of Eigen's split.

    A line of the list is ``SCENE/rgb_N.jpg SCENE/sync_depth_N.png FOCAL``. All images have
    640x480 pixels and come from one camera.

    Args:
        data_root: folder of the set.
        ann_file: split file, relative to ``data_root``.
        data_prefix: folders of images and depth maps, relative to ``data_root``.
        depth_scale: stored units per metre.
        kwargs: arguments of FrameDataset and of mmengine's BaseDataset.

    Raises:
        InputError: a file is missing or malformed. The message names it.
    """

    DATA_PREFIX = dict(img='sync', depth='sync')
    DEPTH_SCALE = NYU_SCALE

    def cam2img_of(self, name: str) -> np.ndarray:
        """Return the projection of NYU's camera."""
        return CAM2IMG.copy()

    def check_frame(self, frame: Frame) -> None:
        """Raise InputError unless the image has the size that the camera is known for."""
        super().check_frame(frame)
        if frame.size != SIZE:
            raise InputError(f'{frame.image}: has {frame.size[0]}x{frame.size[1]} pixels, NYU\'s '
                             'images 640x480; restore the file, since its camera is known at '
                             'that size only')


@DATASETS.register_module()
class NYULabelledDataset(DepthMapDataset):
    """The 1449 labelled frames of NYU, read from ``nyu_depth_v2_labeled.mat``.

    Samples hold a ``frame_reader``
    (:class:`~mmdet3d_plugin.benchmarks.nyu.labelled_file.LabelledFrame`) in place of
    ``depth_path``. ``LoadImageMono3D`` and ``LoadDepthMap`` read the frame through it, in the
    process that loads the sample. Images are as stored, with the white border of their
    registration. ``img_path`` is the .mat file.

    Args:
        data_root: folder of the set.
        ann_file: frame numbers from 1, one per line, relative to ``data_root``: those of
            ``testNdxs`` or ``trainNdxs`` in NYU's ``splits.mat``, as written by
            ``tools/create_data.py nyu --splits-mat``.
        file: the .mat file, relative to ``data_root``.
        kind: ``'rawDepths'``, measured depth with holes, which BTS and its successors evaluate
            on, or ``'depths'``, with the holes filled in.
        kwargs: arguments of FrameDataset and of mmengine's BaseDataset.

    Raises:
        InputError: a file is missing or malformed. The message names it.
    """

    def __init__(self, data_root: str, ann_file: str, file: str = LABELLED_FILE,
                 kind: str = RAW_DEPTHS, **kwargs: Any) -> None:
        self.file = Path(data_root, file)
        self.kind = kind
        super().__init__(data_root, ann_file, **kwargs)

    def frame_names(self) -> List[str]:
        """Return the frame numbers of the list."""
        return read_labelled_list(self.ann_file, self.file, self.kind)

    def read_frame(self, name: str) -> Frame:
        """Return the reader of a frame. The file itself is not opened."""
        reader = LabelledFrame(self.file, int(name), self.kind)
        return Frame(self.file, SIZE, self.cam2img_of(name), entries=dict(frame_reader=reader))

    def cam2img_of(self, name: str) -> np.ndarray:
        """Return the projection of NYU's camera."""
        return CAM2IMG.copy()
