"""Datasets of whole images: class folders, CUB-200-2011, Cars-196 and Stanford Online Products."""
import os
from abc import abstractmethod
from typing import Any, List, Optional

from mmdet3d.registry import DATASETS

from ..benchmarks.retrieval.cars import read_cars
from ..benchmarks.retrieval.class_folders import read_class_folders
from ..benchmarks.retrieval.cub import read_cub
from ..benchmarks.retrieval.labelled_images import LabelledImage
from ..benchmarks.retrieval.products import read_products
from ..errors import InputError
from .labelled_image_dataset import LabelledImageDataset
from .transforms.crop_loading import LoadCrop


class ImageListDataset(LabelledImageDataset):
    """Base class of datasets of whole images.

    Samples are those of :class:`~mmdet3d_plugin.datasets.LabelledImageDataset`.
    ``metainfo['classes']`` holds the names of the split's classes. No image is opened before
    its sample is loaded, unless ``on_error`` is ``'skip'``.

    A subclass defines :meth:`read_images`.

    Args:
        data_root: folder of the set.
        split: ``'train'`` or ``'test'``.
        kwargs: arguments of LabelledImageDataset.

    Raises:
        InputError: a list is malformed, an image is missing, or no query has a match.
    """

    def __init__(self, data_root: str, split: Optional[str] = 'train', **kwargs: Any) -> None:
        self.split = split
        super().__init__(data_root, **kwargs)

    @abstractmethod
    def read_images(self) -> List[LabelledImage]:
        """List the images of the split, grouped by class."""

    def list_items(self) -> List[dict]:
        """Return name, path and label of every image."""
        images = self.read_images()
        classes = tuple(dict.fromkeys(image.class_name for image in images))
        self._metainfo['classes'] = classes
        numbers = {name: label for label, name in enumerate(classes)}
        return [dict(name=image.name, img_path=os.path.join(self.data_root, image.path),
                     label=numbers[image.class_name]) for image in images]

    def parse_data_info(self, info: dict) -> dict:
        """Check that the image exists."""
        if not os.path.isfile(info['img_path']):
            raise InputError(f'{info["img_path"]}: no such image, but the lists of '
                             f'{self.data_root} name it; restore it')
        return info

    def decode_files(self, info: dict) -> None:
        """Decode the image."""
        LoadCrop().transform(dict(info))


@DATASETS.register_module()
class ClassFolderDataset(ImageListDataset):
    """Images in one folder per class: ``ROOT/[SPLIT/]CLASS/IMAGE.(png|jpg|jpeg)``.

    The rendered vehicles of ``tools/create_data.py vehicles`` have this layout. Samples are
    those of :class:`~mmdet3d_plugin.datasets.LabelledImageDataset`.

    Args:
        data_root: folder of the set.
        split: folder of the split, or None for a set without folders of splits.
        kwargs: arguments of ImageListDataset.

    Raises:
        InputError: a folder is missing or has no images, or no query has a match.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ('train/car/1.png', 'train/car/2.png', 'train/van/1.png',
        ...                  'train/van/2.png'):
        ...         Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
        ...         Path(folder, name).touch()
        ...     dataset = ClassFolderDataset(folder, 'train')
        ...     dataset.metainfo['classes'], dataset.labels().tolist()
        (('car', 'van'), [0, 0, 1, 1])
    """

    def read_images(self) -> List[LabelledImage]:
        """List the images of the class folders."""
        return read_class_folders(self.data_root, self.split)


@DATASETS.register_module()
class CUBDataset(ImageListDataset):
    """CUB-200-2011, zero-shot split: the first 100 classes for training, the others for test.

    See :func:`~mmdet3d_plugin.benchmarks.retrieval.cub.read_cub` for the layout. Samples and
    arguments are those of :class:`ImageListDataset`.
    """

    def read_images(self) -> List[LabelledImage]:
        """List the images of the split."""
        return read_cub(self.data_root, str(self.split))


@DATASETS.register_module()
class CarsDataset(ImageListDataset):
    """Cars-196, zero-shot split: the first 98 classes for training, the others for test.

    See :func:`~mmdet3d_plugin.benchmarks.retrieval.cars.read_cars` for the two layouts. Samples
    and arguments are those of :class:`ImageListDataset`.
    """

    def read_images(self) -> List[LabelledImage]:
        """List the images of the split."""
        return read_cars(self.data_root, str(self.split))


@DATASETS.register_module()
class ProductsDataset(ImageListDataset):
    """Stanford Online Products, with the classes of its two lists.

    See :func:`~mmdet3d_plugin.benchmarks.retrieval.products.read_products` for the layout.
    Samples and arguments are those of :class:`ImageListDataset`.
    """

    def read_images(self) -> List[LabelledImage]:
        """List the images of the split."""
        return read_products(self.data_root, str(self.split))
