"""Base class of the datasets of labelled images and crops."""
import logging
from collections import Counter
from typing import Any, Dict, List, Optional

import numpy as np
from mmengine.logging import print_log

from ..errors import InputError
from .checked_dataset import CheckedDataset


class LabelledImageDataset(CheckedDataset):
    """Base class of datasets of images or crops with a class each, for metric learning.

    A sample holds:

    - ``img_path``: path of the image.
    - ``name``: unique name of the sample, a relative path without suffix.
    - ``label``: index into ``metainfo['classes']``.
    - ``box``: only for crops, (4,) float32 x1, y1, x2, y2, pixels of the image.
    - ``sample_idx``: index in the dataset.

    Samples of every mode have labels. Unsupervised objectives do not read them.

    Args:
        data_root: folder of the set.
        kwargs: arguments of CheckedDataset and of mmengine's BaseDataset. With ``test_mode``
            the set must have a class with two images.

    Raises:
        InputError: a file is broken, or no query has a match.
    """

    KEY = 'name'
    UNIT = 'image'
    METAINFO: Dict[str, Any] = dict(classes=())

    def __init__(self, data_root: Optional[str], **kwargs: Any) -> None:
        super().__init__(data_root=data_root, **kwargs)

    def labels(self) -> np.ndarray:
        """Return the (N,) int64 labels of all samples."""
        return np.array([self.get_data_info(index)['label'] for index in range(len(self))],
                        dtype=np.int64)

    def load_data_list(self) -> List[dict]:
        """Return the information about every image, and check that queries have matches."""
        infos = super().load_data_list()
        self.check_matches(infos)
        return infos

    def check_matches(self, infos: List[dict]) -> None:
        """Log the number of classes with one image, and refuse a test set of such classes.

        Raises:
            InputError: in test mode, no class has two images.
        """
        counts = Counter(info['label'] for info in infos)
        alone = [label for label, count in sorted(counts.items()) if count == 1]
        title = self.ann_file or self.data_root
        if self.test_mode and len(alone) == len(counts):
            raise InputError(f'{title}: no class has two images, so no query has a match; add '
                             'images')
        if alone:
            print_log(f'{title}: {len(alone)} of {len(counts)} classes have one image, which has '
                      'no match in retrieval; the first one is '
                      f'{self._metainfo["classes"][alone[0]]}', 'current', level=logging.WARNING)
