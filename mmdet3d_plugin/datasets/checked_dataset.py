"""Base class of all datasets: broken items and random numbers per sample."""
import logging
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Optional, Sequence, Union

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.dist import all_gather_object, get_dist_info, is_main_process
from mmengine.logging import print_log
from tqdm import tqdm

from ..errors import InputError
from ..utils.processes import available_cores
from .sample_randomness import sample_randomness


class CheckedDataset(BaseDataset):
    """Base class of datasets that stop at broken items or leave them out.

    An item is a frame or an image. Random numbers of a sample depend on the seed of its index
    (:class:`~mmdet3d_plugin.datasets.sample_randomness.SampleIndex`).

    A subclass defines :meth:`list_items`, mmengine's ``parse_data_info`` and
    :meth:`decode_files`.

    Args:
        args: positional arguments of mmengine's BaseDataset.
        on_error: ``'stop'`` raises an error for the first broken item. ``parse_data_info``
            finds errors when the dataset is built, the pipeline all others when a sample is
            loaded. ``'skip'`` checks every file of every item when the dataset is built and
            leaves broken items out.
        kwargs: arguments of mmengine's BaseDataset.

    Attributes:
        KEY: entry of an item that holds its unique name.
        UNIT: name of an item, for messages.
        skipped: message by name of each item that is left out.

    Raises:
        InputError: an item is broken, or with ``'skip'`` every item.
    """

    KEY = 'frame'
    UNIT = 'frame'

    def __init__(self, *args: Any, on_error: str = 'stop', **kwargs: Any) -> None:
        if on_error not in ('stop', 'skip'):
            raise InputError(f"on_error is {on_error!r}, expected 'stop' or 'skip'")
        self.on_error = on_error
        self.skipped: Dict[str, str] = {}
        super().__init__(*args, **kwargs)

    @abstractmethod
    def list_items(self) -> List[dict]:
        """Return the items of the set in order, as ``parse_data_info`` completes them."""

    @abstractmethod
    def decode_files(self, info: dict) -> None:
        """Decode every file of an item.

        Args:
            info: information about the item, as ``parse_data_info`` returns it.

        Raises:
            InputError: a file cannot be decoded. The message names it.
        """

    def __getitem__(self, index: int) -> dict:
        with sample_randomness(index):
            return super().__getitem__(int(index))

    def load_data_list(self) -> List[dict]:
        """Return the information about every item, as mmengine's BaseDataset needs it."""
        items = self.list_items()
        if self.on_error == 'stop':
            return [self.parse_data_info(item) for item in items]
        return self._whole_items(items)

    def _get_unserialized_subset(self, indices: Union[int, Sequence[int]]) -> List[dict]:
        """Return the items of mmengine's ``indices``, which may repeat items."""
        try:
            return super()._get_unserialized_subset(indices)
        except IndexError:
            raise InputError(f'{self.ann_file or self.data_root}: {len(self.data_list)} '
                             f'{self.UNIT}s, but indices has {np.max(indices)}; use a larger set '
                             'or smaller indices') from None

    def _whole_items(self, items: List[dict]) -> List[dict]:
        """Return the information about items with readable files, equal on all ranks."""
        names = [item[self.KEY] for item in items]
        infos = []
        for name, item in zip(names, items):
            try:
                infos.append(self.parse_data_info(item))
            except InputError as error:
                self.skipped[name] = str(error)
        found: Dict[str, str] = {}
        for share in all_gather_object({**self.skipped, **self._unreadable_items(infos)}):
            found.update(share)
        self.skipped = {name: found[name] for name in names if name in found}
        title = self.ann_file or self.data_root
        if len(self.skipped) == len(names):
            raise InputError(f'{title}: all {len(names)} {self.UNIT}s are broken, the first one: '
                             f'{self.skipped[names[0]]}')
        if self.skipped:
            share = 100 * len(self.skipped) / len(names)
            print_log(f'{title}: {len(self.skipped)} of {len(names)} {self.UNIT}s ({share:.1f} %) '
                      'are broken and left out', 'current', level=logging.WARNING)
        return [info for info in infos if info[self.KEY] not in self.skipped]

    def _unreadable_items(self, infos: List[dict]) -> Dict[str, str]:
        """Decode this rank's share of items and return the messages of the unreadable ones."""
        rank, world_size = get_dist_info()
        share = infos[rank::world_size]
        # Threads are enough, because decoding releases Python's global lock.
        with ThreadPoolExecutor(available_cores()) as pool:
            reasons = list(tqdm(pool.map(self._decoding_error, share), total=len(share),
                                desc=f'checking {self.UNIT}s', unit=self.UNIT,
                                dynamic_ncols=True, disable=None if is_main_process() else True))
        return {info[self.KEY]: reason for info, reason in zip(share, reasons) if reason}

    def _decoding_error(self, info: dict) -> Optional[str]:
        """Return the message of the error that decoding an item raises, or None."""
        try:
            self.decode_files(info)
        except InputError as error:
            return str(error)
        return None
