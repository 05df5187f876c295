"""Frames of the test of a depth estimator, for the pages of ``tools/report.py``."""
from pathlib import Path
from typing import List, Sequence

from ..utils.files import has_file
from ..utils.images import read_image
from ..visualization.frame_entries import (
    PREDICTED_DEPTH,
    SCENE_SUFFIX,
    Entry,
    choose_frames,
    picture_entry,
    read_scene,
)
from .picture_files import picture_files


class DepthFrames:
    """Frames in the folder of a test.

    A test writes a picture of each frame. :meth:`entry` reads one, so that a page reads only those
    that it shows.

    Args:
        folder: folder of the pictures.

    Raises:
        InputError: there are no pictures, or a file beside them is invalid.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures = picture_files(folder, '--show-dir')
        # Error of each frame by name; 0 if it is unknown.
        self.errors = {name: _first_error(self._scene(name)) for name in self.pictures}

    def entry(self, name: str) -> Entry:
        """Return the entry of a frame.

        Raises:
            InputError: the picture is unreadable.
        """
        return {**self._scene(name),
                **picture_entry(name, read_image(self.pictures[name], 'picture'))}

    def _scene(self, name: str) -> Entry:
        path = self.folder / f'{name}{SCENE_SUFFIX}'
        return read_scene(path) if has_file(path) else {}


def worst_entries(frames: DepthFrames, count: int) -> List[Entry]:
    """Return the frames that the page of a run shows, worst first.

    Args:
        frames: all frames of the run.
        count: largest number of frames.

    Raises:
        InputError: a picture is unreadable.
    """
    names = list(frames.errors)
    return [frames.entry(names[index])
            for index in choose_frames(list(frames.errors.values()), count)]


def most_changed_entries(runs: Sequence[DepthFrames], titles: Sequence[str], count: int
                         ) -> List[Entry]:
    """Return the frames that the comparison of two runs shows, those that differ most first.

    Args:
        runs: all frames of each run.
        titles: names of the runs in the page.
        count: largest number of frames.

    Raises:
        InputError: a picture is unreadable.
    """
    first, second = runs
    common = [name for name in first.errors if name in second.errors]
    changes = [abs(second.errors[name] - first.errors[name]) for name in common]
    return [paired_entry(first.entry(common[index]), second.entry(common[index]), titles)
            for index in choose_frames(changes, count)]


def paired_entry(first: Entry, second: Entry, titles: Sequence[str]) -> Entry:
    """Return the entry of a frame that two runs tested.

    The depths of both runs are shown if their grids have the same size.

    Args:
        first: entry of the first run.
        second: entry of the second run.
        titles: names of the runs in the page.
    """
    pair = {**first, 'errors': [_first_error(first), _first_error(second)],
            'pictures': [[title, entry['pictures'][0][1]]
                         for title, entry in zip(titles, (first, second))]}
    depths = [entry['depth'] for entry in (first, second) if entry.get('depth')]
    if len(depths) == 2 and len({(depth['width'], depth['height']) for depth in depths}) == 1:
        maps = {name: grid for name, grid in depths[0]['maps'].items() if name != PREDICTED_DEPTH}
        maps.update((title, depth['maps'][PREDICTED_DEPTH])
                    for title, depth in zip(titles, depths) if PREDICTED_DEPTH in depth['maps'])
        pair['depth'] = {**depths[0], 'maps': maps}
    return pair


def _first_error(entry: Entry) -> float:
    """Return the error of a frame that one run tested; 0 if it is unknown."""
    return next(iter(entry.get('errors', ())), 0.)
