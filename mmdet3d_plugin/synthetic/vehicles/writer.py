"""Writer of vehicle crops in class folders.

A crop depends only on the arguments of the set, its split, the number of its identity in the
split and its number. The files are therefore the same for any number of workers and after an
interruption.
"""
import csv
import io
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Tuple

import cv2
import numpy as np
from tqdm import tqdm

from ...errors import InputError
from ...utils.files import atomic_write
from ..set_folder import claim_folder, each_in_workers
from .bodywork import vehicle_mesh
from .models import VehicleModel, sample_model
from .places import Solid
from .render import render_view
from .views import View, sample_view

MANIFEST, MODEL_TABLE, VIEW_TABLE = 'vehicles.json', 'models.csv', 'views.csv'
# Part of the manifest: increase it whenever the same arguments give other bytes.
GENERATOR_VERSION = 1
SPLITS = ('train', 'val', 'test')
LEAST_MODELS, LEAST_VIEWS, SIZES = 8, 2, (32, 1024)
Row = Dict[str, str]
IdentityRows = Tuple[int, Row, List[Row]]
GOLDEN_RATIO = (5 ** .5 - 1) / 2
# Columns of the table of models, besides split and identity.
MODEL_COLUMNS = ('body', 'length', 'width', 'height', 'windows', 'paint', 'rim_colour', 'spokes',
                 'tail_light', 'grille', 'roof', 'decoration')


@dataclass(frozen=True)
class VehicleSet:
    """Content of a set of vehicle crops. Equal values give equal files.

    The identities are split into training (a half or more), validation and test (a quarter each).

    Attributes:
        num_models: number of identities.
        num_views: number of crops per identity.
        size: width and height of the crops, pixels.
        difficulty: 0, narrow views on plain ground, to 1, all around with scenery and occlusion.
        seed: seed of all random numbers.

    Raises:
        InputError: too few identities or views, or a size or difficulty out of range.

    Example:
        >>> content = VehicleSet(num_models=10, num_views=3)
        >>> [identity.name for identity in content.identities() if identity.split == 'test']
        ['0008', '0009']
    """
    num_models: int
    num_views: int
    size: int = 96
    difficulty: float = .5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_models < LEAST_MODELS:
            raise InputError(f'--models {self.num_models} is too small; validation and test need '
                             f'two identities each, so use {LEAST_MODELS} or more')
        if self.num_views < LEAST_VIEWS:
            raise InputError(f'--views {self.num_views} is too small; retrieval needs '
                             f'{LEAST_VIEWS} or more views per identity')
        if not SIZES[0] <= self.size <= SIZES[1]:
            raise InputError(f'--size {self.size} is not in {SIZES[0]}..{SIZES[1]} pixels')
        if not 0 <= self.difficulty <= 1:
            raise InputError(f'--difficulty {self.difficulty} is not in 0..1')

    def split_sizes(self) -> Dict[str, int]:
        """Return the number of identities per split."""
        held_out = self.num_models // 4
        return dict(zip(SPLITS, (self.num_models - 2 * held_out, held_out, held_out)))

    def identities(self) -> Iterator['Identity']:
        """Iterate over all identities, in the order of the splits."""
        number = 0
        for split, count in self.split_sizes().items():
            for index in range(count):
                yield Identity(split, index, number)
                number += 1


@dataclass(frozen=True)
class Identity:
    """One vehicle of a set.

    Attributes:
        split: ``'train'``, ``'val'`` or ``'test'``.
        index: number in the split.
        number: number in the whole set.
    """
    split: str
    index: int
    number: int

    @property
    def name(self) -> str:
        """Name of the identity's folder."""
        return f'{self.number:04d}'

    def files(self, out: Path, num_views: int) -> List[Path]:
        """Return the paths of its crops."""
        return [out / self.split / self.name / f'{view:04d}.png' for view in range(num_views)]

    def model(self, content: VehicleSet) -> VehicleModel:
        """Return shape and colours."""
        # Multiples of the golden ratio spread evenly over all hues, whatever their number.
        hue = (SPLITS.index(self.split) / len(SPLITS) + self.index * GOLDEN_RATIO) % 1.
        return sample_model(self._generator(content.seed), hue, content.difficulty)

    def view(self, content: VehicleSet, number: int) -> View:
        """Return one view."""
        return sample_view(self._generator(content.seed, number), content.difficulty)

    def _generator(self, seed: int, *key: int) -> np.random.Generator:
        spawn_key = (SPLITS.index(self.split), self.index, *key)
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=spawn_key))


def write_vehicle_set(out: Path, content: VehicleSet, workers: int = 1,
                      overwrite: bool = False) -> None:
    """Render a set of vehicle crops to class folders ``SPLIT/IDENTITY/VIEW.png``.

    Crops of an interrupted run are kept. Progress is shown on stderr. The tables of models and
    views are written last, so a folder that has both is complete.

    Args:
        out: folder of the set.
        content: number of identities and views, size, difficulty and seed.
        workers: number of processes, each on one core.
        overwrite: replace an existing set of vehicle crops in ``out``.

    Raises:
        InputError: ``out`` contains other files, or cannot be written.

    Example:
        >>> import tempfile
        >>> content = VehicleSet(num_models=8, num_views=2, size=32, difficulty=0.)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_vehicle_set(Path(folder) / 'set', content)
        ...     sorted(path.name for path in Path(folder, 'set').iterdir())
        ['models.csv', 'test', 'train', 'val', 'vehicles.json', 'views.csv']
    """
    out = Path(out)
    claim_folder(out, MANIFEST, {'generator': GENERATOR_VERSION, **asdict(content)},
                 'set of vehicles', (MODEL_TABLE, VIEW_TABLE, *SPLITS),
                 [f'{split}/*/.*' for split in SPLITS], overwrite)
    identities = list(content.identities())
    write = partial(write_identity, out, content)
    with tqdm(total=len(identities) * content.num_views, unit='view', desc=f'{out}') as progress:
        rows = {}
        for number, *rows_of_identity in each_in_workers(
                write, identities, min(workers, len(identities))):
            rows[number] = rows_of_identity
            progress.update(content.num_views)
    models, views = zip(*(rows[identity.number] for identity in identities))
    atomic_write(out / MODEL_TABLE, _csv(models))
    atomic_write(out / VIEW_TABLE, _csv(chain.from_iterable(views)))


def write_identity(out: Path, content: VehicleSet, identity: Identity) -> IdentityRows:
    """Render and write the missing crops of one identity.

    Args:
        out: folder of the set.
        content: content of the set.
        identity: identity to write.

    Returns:
        Number of the identity, and its rows in the tables of models and of views.
    """
    model = identity.model(content)
    views = [identity.view(content, number) for number in range(content.num_views)]
    missing = [(path, view) for path, view in zip(identity.files(out, content.num_views), views)
               if not path.exists()]
    if missing:
        vehicle = Solid(vehicle_mesh(model))
        for path, view in missing:
            crop = render_view(vehicle, view, content.size, content.seed)
            atomic_write(path, _encode_png(crop))
    return (identity.number, _model_row(identity, model),
            [_view_row(identity, number, view) for number, view in enumerate(views)])


def _encode_png(crop: np.ndarray) -> bytes:
    # For noisy images, Huffman coding alone is fastest.
    done, content = cv2.imencode('.png', crop[..., ::-1], [
        cv2.IMWRITE_PNG_COMPRESSION, 1,
        cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY])
    assert done
    return content.tobytes()


def _model_row(identity: Identity, model: VehicleModel) -> Row:
    return {'split': identity.split, 'identity': identity.name,
            **{name: _plain(getattr(model, name)) for name in MODEL_COLUMNS}}


def _view_row(identity: Identity, number: int, view: View) -> Row:
    return {'split': identity.split, 'identity': identity.name, 'view': f'{number:04d}',
            'azimuth': f'{view.azimuth:.1f}', 'elevation': f'{view.elevation:.1f}',
            'distance': f'{view.distance:.2f}',
            'place': 'plain' if view.place is None else str(view.place),
            'occluder': view.occluder.kind if view.occluder else 'none'}


def _plain(value) -> str:
    """Return a value of a table: metres and colours with three digits."""
    if isinstance(value, tuple):
        return ' '.join(map(_plain, value))
    return f'{value:.3f}' if isinstance(value, float) else str(value)


def _csv(rows: Iterable[Row]) -> str:
    rows = list(rows)
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0], lineterminator='\n')
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
