"""NYU Depth V2: the split of Eigen et al. (2014), from images or the labelled .mat file."""
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
from mmdet3d.registry import DATASETS

from ..benchmarks.depth.map_files import NYU_SCALE
from ..benchmarks.nyu.labelled_file import IMAGES, LABELLED_FILE, labelled_name, read_labelled_list
from ..errors import InputError
from ..utils.images import image_size
from .depth_map_dataset import DepthMapDataset
from .frame_dataset import Frame

SIZE = (640, 480)
# The colour camera of the toolbox (camera_params.m). Its centre counts pixels from 1, at
# their centres: half a pixel more than continuous pixels.
CAM2IMG = np.array([[518.85790117, 0., 325.58244941 - 0.5, 0.],
                    [0., 519.46961112, 253.73616633 - 0.5, 0.],
                    [0., 0., 1., 0.],
                    [0., 0., 0., 1.]])


@DATASETS.register_module()
class NYUDepthDataset(DepthMapDataset):
    """Reads images, depth maps in millimetres and the public lists of Eigen's split,
    ``SCENE/rgb_N.jpg SCENE/sync_depth_N.png FOCAL``.

    The images have 640x480 pixels; all come from one camera.

    Args:
        data_root: folder of the set.
        ann_file: split file, relative to ``data_root``.
        data_prefix: folders of images and depth maps, relative to ``data_root``.

    Raises:
        InputError: a file is missing or malformed; the message names it.
    """

    def __init__(self, data_root: str, ann_file: str,
                 data_prefix: Optional[Dict[str, str]] = None, depth_scale: float = NYU_SCALE,
                 **kwargs: Any) -> None:
        if data_prefix is None:
            data_prefix = dict(img='sync', depth='sync')
        super().__init__(data_root, ann_file, depth_scale, data_prefix=data_prefix, **kwargs)

    def read_frame(self, name: str) -> Frame:
        image = self.image_of(name)
        size = image_size(image)
        if size != SIZE:
            raise InputError(f'{image}: has {size[0]}x{size[1]} pixels, NYU\'s images 640x480; '
                             'restore the file, since its camera is known at that size only')
        return Frame(image, size, CAM2IMG.copy(), entries=dict(depth_path=self.depth_of(name)))


@DATASETS.register_module()
class NYULabelledDataset(DepthMapDataset):
    """Reads the 1449 labelled frames from ``nyu_depth_v2_labeled.mat`` itself.

    Every frame is read when it is its turn, in whichever process loads it. Images come as
    stored, with the white border of their registration.

    Args:
        data_root: folder of the set.
        ann_file: frame numbers from 1, one a line, relative to ``data_root``: those of
            ``testNdxs`` or ``trainNdxs`` in NYU's ``splits.mat``, from which
            ``tools/create_data.py nyu --splits-mat`` makes them.
        file: the .mat file, relative to ``data_root``.
        kind: ``'rawDepths'``, as measured, with holes, which BTS and its successors evaluate
            on, or ``'depths'``, with the holes filled in.

    Raises:
        InputError: a file is missing or malformed; the message names it.
    """

    def __init__(self, data_root: str, ann_file: str, file: str = LABELLED_FILE,
                 kind: str = 'rawDepths', **kwargs: Any) -> None:
        self.file = Path(data_root, file)
        self.kind = kind
        super().__init__(data_root, ann_file, data_prefix={}, **kwargs)

    def frame_names(self) -> List[str]:
        return read_labelled_list(self.ann_file, self.file, self.kind)

    def read_frame(self, name: str) -> Frame:
        image, depth = (labelled_name(self.file, kind, int(name)) for kind in (IMAGES, self.kind))
        return Frame(Path(image), SIZE, CAM2IMG.copy(), entries=dict(depth_path=depth))
