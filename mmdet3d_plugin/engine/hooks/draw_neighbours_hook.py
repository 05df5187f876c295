"""Pictures of the embeddings of a test."""
import json
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import cv2
import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from ...benchmarks.retrieval.nearest_neighbours import NeighbourSearch
from ...datasets.transforms import LoadCrop
from ...errors import InputError
from ...metric_learning.piecewise_linear import distances_to_pieces, grow_pieces
from ...metric_learning.piecewise_linear.pieces import check_piece_settings
from ...models.model_contract import EMBEDDING, task_of
from ...utils.files import atomic_path, atomic_write
from ...visualization import (
    QueryRow,
    embedding_coordinates,
    embedding_plot,
    neighbour_sheet,
    piece_picture,
    spread_points,
)
from ...visualization.embedding_plot import EMBEDDING_FILE
from ...visualization.neighbour_sheet import SHEET_FILE
from ...visualization.piece_picture import PIECE_FILE
from ..embedding_choice import choose_queries, choose_whole_classes
from ..process_state import unwrap_model

NEIGHBOURS_FILE = 'neighbours.json'
MAX_SIDE = 256  # pixels of an image in memory
PLOT_THUMBNAILS, PIECE_THUMBNAILS = 40, 24  # largest number of images in a picture


@HOOKS.register_module()
class DrawNeighboursHook(Hook):
    """Hook that draws nearest neighbours, embeddings and one linear piece after a test.

    It writes four files. Models that do not embed images are ignored.

    - ``neighbours.jpg``: queries that are spread over the classes, with their nearest
      neighbours among the test images.
    - ``neighbours.json``: the names, classes and distances of that picture.
    - ``embedding.png``: the embeddings in two dimensions, coloured by class.
    - ``piece.png``: the linear piece (:func:`~.grow_pieces`) at the first query, grown among its
      nearest neighbours.

    The hook keeps embeddings and paths of the test images, and reads images for the pictures
    again. In a distributed test the main process alone draws, and only from its own share of
    the images.

    Args:
        out_dir: folder of the files; ``WORK_DIR/neighbours`` by default.
        max_queries: largest number of queries in the sheet.
        num_neighbours: number of neighbours per query.
        max_points: largest number of points in the plot of embeddings. Of larger sets, whole
            classes are chosen at random.
        piece_points: number of points among which the piece grows, the query included.
        piece_dim: dimension of the piece.
        piece_rule: threshold rule of the piece.
        piece_threshold: threshold of the piece.

    Raises:
        InputError: a setting is out of its range.
    """
    DEFAULT_FOLDER = 'neighbours'
    priority = 'LOW'  # after the metrics are logged

    def __init__(self, out_dir: Optional[str] = None, max_queries: int = 12,
                 num_neighbours: int = 8, max_points: int = 2000, piece_points: int = 120,
                 piece_dim: int = 3, piece_rule: str = 'each',
                 piece_threshold: float = 0.9) -> None:
        for name, value, least in (
                ('max_queries', max_queries, 1), ('num_neighbours', num_neighbours, 1),
                ('max_points', max_points, 1), ('piece_points', piece_points, 2)):
            if value < least:
                raise InputError(f'DrawNeighboursHook: {name} is {value}, expected {least} or '
                                 'more')
        check_piece_settings('DrawNeighboursHook', piece_dim, piece_rule, piece_threshold)
        self.out_dir = out_dir
        self.max_queries = max_queries
        self.num_neighbours = num_neighbours
        self.max_points = max_points
        self.piece_points = piece_points
        self.piece_settings = dict(dim=piece_dim, rule=piece_rule, threshold=piece_threshold)
        self.active = True
        self._classes: Sequence[str] = ()
        self._clear()

    def before_test_epoch(self, runner: Runner) -> None:
        self.active = (task_of(unwrap_model(runner.model)) == EMBEDDING and is_main_process())
        self._clear()
        if self.active:
            self._classes = runner.test_dataloader.dataset.metainfo['classes']

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                        outputs: Sequence[BaseDataElement] = ()) -> None:
        if not self.active:
            return
        embeddings = torch.stack([sample.pred_embedding for sample in outputs])
        self._embeddings.append(embeddings.float().cpu().numpy())
        self._samples += [dict(name=sample.name, label=int(sample.label), box=sample.get('box'),
                               img_path=sample.img_path) for sample in outputs]

    def after_test_epoch(self, runner: Runner, metrics=None) -> None:
        if not self.active:
            return
        if len(self._samples) < 2:
            print_log('pictures of embeddings need two test images or more', 'current')
        else:
            self._write(Path(self.out_dir or Path(runner.work_dir) / self.DEFAULT_FOLDER))
        self._clear()

    def _clear(self) -> None:
        self._classes = ()
        self._embeddings: List[np.ndarray] = []
        self._samples: List[dict] = []

    def _write(self, folder: Path) -> None:
        embeddings = np.concatenate(self._embeddings)
        labels = np.array([sample['label'] for sample in self._samples])
        search = NeighbourSearch(embeddings)
        queries = choose_queries(labels, self.max_queries)
        indices, distances = search.of_rows(queries,
                                            min(self.num_neighbours, len(labels) - 1))
        atomic_write(folder / NEIGHBOURS_FILE,
                     json.dumps(self._records(queries, indices, distances), indent=1))
        sheet = neighbour_sheet(
            [QueryRow(self._image(query), self._class_of(query), list(map(self._image, found)),
                      labels[found] == labels[query], away)
             for query, found, away in zip(queries, indices, distances)],
            f'nearest neighbours of {len(queries)} test images')
        _write_image(folder / SHEET_FILE, sheet)
        atomic_write(folder / EMBEDDING_FILE, self._plot(embeddings, labels))
        near, _ = search.of_rows(queries[:1], min(self.piece_points, len(labels)) - 1)
        _write_image(folder / PIECE_FILE,
                     self._piece(np.append(queries[:1], near), embeddings, labels))
        print_log(f'nearest neighbours of {len(queries)} images in {folder}', 'current')

    def _records(self, queries: np.ndarray, indices: np.ndarray, distances: np.ndarray
                 ) -> List[Dict[str, object]]:
        return [dict(name=self._samples[query]['name'], class_name=self._class_of(query),
                     neighbours=[dict(name=self._samples[index]['name'],
                                      class_name=self._class_of(index),
                                      distance=float(distance))
                                 for index, distance in zip(found, away)])
                for query, found, away in zip(queries, indices, distances)]

    def _plot(self, embeddings: np.ndarray, labels: np.ndarray) -> bytes:
        """Return the PNG picture of the embeddings in two dimensions."""
        chosen = choose_whole_classes(labels, self.max_points)
        coordinates = embedding_coordinates(embeddings[chosen])
        shown = spread_points(coordinates, PLOT_THUMBNAILS)
        left_out = '' if len(chosen) == len(labels) else f' (of {len(labels)} images)'
        return embedding_plot(
            coordinates, labels[chosen], self._classes,
            {int(index): self._image(chosen[index]) for index in shown},
            f'{len(chosen)} test images of {len(np.unique(labels[chosen]))} classes{left_out}')

    def _piece(self, rows: np.ndarray, embeddings: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Draw the piece at the first of some rows, grown among all of them."""
        points = torch.from_numpy(embeddings[rows]).double()
        pieces = grow_pieces(points, **self.piece_settings)
        origin, basis = pieces.origins[:1], pieces.bases[:1]
        coordinates = torch.zeros(len(rows) - 1, 2, dtype=points.dtype)
        plane = (points[1:] - origin) @ basis[0, :, :2]
        coordinates[:, :plane.shape[1]] = plane
        orthogonal = distances_to_pieces(points[1:], origin, basis)[1][:, 0]
        is_member = pieces.members[0, 1:].numpy()
        right = labels[rows[1:]] == labels[rows[0]]
        # Rows are sorted by distance, so the nearest members are shown.
        shown = np.flatnonzero(is_member)[:PIECE_THUMBNAILS]
        title = (f'linear piece: {is_member.sum()} members, {(is_member & right).sum()} of the '
                 f'class of {self._samples[rows[0]]["name"]}')
        return piece_picture(
            self._image(rows[0]), coordinates.numpy(), orthogonal.numpy(), is_member, right,
            {int(index): self._image(rows[1 + index]) for index in shown}, title)

    def _class_of(self, index: int) -> str:
        return self._classes[self._samples[index]['label']]

    def _image(self, index: int) -> np.ndarray:
        """Read a test image again, (h, w, 3) uint8 BGR, cropped to its box and shrunk."""
        image = LoadCrop().transform(dict(self._samples[index]))['img']
        scale = MAX_SIDE / max(image.shape[:2])
        return image if scale >= 1 else cv2.resize(
            image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _write_image(path: Path, image: np.ndarray) -> None:
    with atomic_path(path) as temporary:
        cv2.imwrite(str(temporary), image)
