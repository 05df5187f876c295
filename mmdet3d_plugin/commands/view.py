"""Show predictions for own images in 3D: python tools/view.py SOURCE [options]."""
import argparse
import asyncio
import html
import io
import threading
import time
from contextlib import redirect_stdout
from importlib import import_module
from itertools import islice
from types import ModuleType
from typing import Any, Iterator, List, Optional, Sequence

import cv2
import numpy as np

from ..errors import InputError
from ..prediction import ImageSource, Prediction, Predictor, open_images
from ..prediction.cameras import CameraSource
from ..structures.angles import heading_direction
from ..structures.class_names import find_class
from ..structures.object_table import ObjectTable
from ..visualization.boxes_on_image import draw_boxes_3d
from ..visualization.colors import CLASS_COLORS, class_color
from ..visualization.scene_arrays import box_segments, depth_points, image_plane, line_points
from .predict import check_camera

PANEL_WIDTH = 720  # pixels of the picture in the side panel
MAX_SIDE = 960  # pixels of the image in the scene
PLANE = 4.  # metres from the camera to the image at first
MAX_PLANE = 80.
GROUND = 1.65  # metres below the camera
GRID = 100.  # metres
LINE_WIDTH = .1  # metres, of the edges of boxes
NO_COLORS = 0, 0, 0  # of no points
FRAME_RATE = 10.  # frames per second of playback


def load_viser() -> ModuleType:
    """Import viser.

    Raises:
        InputError: it is not installed.
    """
    try:
        return import_module('viser')
    except ImportError:
        raise InputError('tools/view.py needs viser, which is not installed; install it with '
                         'pip install "viser>=1.1"') from None


def shown_objects(objects: ObjectTable, threshold: float, classes: List[str]) -> ObjectTable:
    """Return the objects of some classes with at least a score.

    Example:
        >>> row = [0, 0, 0, 0, 0, 9, 9, 1.5, 2, 4, 0, 1.5, 10, 0]
        >>> table = ObjectTable.from_table(['Car', 'Van', 'Car'],
        ...                                [row + [score] for score in (.9, .8, .2)])
        >>> shown_objects(table, .5, ['Car']).scores.tolist()
        [0.9]
    """
    assert objects.scores is not None  # of predictions
    return objects[(objects.scores >= threshold) & np.isin(objects.names, classes)]


def check_host(host: str) -> None:
    """Check that an address can be served. viser waits for ever if it cannot.

    Raises:
        InputError: the address is unknown, or not of this machine.
    """
    async def serve() -> None:
        (await asyncio.start_server(lambda *streams: None, host, 0)).close()

    try:
        asyncio.run(serve())
    except (OSError, UnicodeError) as error:  # UnicodeError: no name of a machine
        raise InputError(f'--host {host}: cannot be served ({error.args[-1]}); use localhost, or '
                         '0.0.0.0 for all addresses of this machine') from None


def ordered_classes(class_names: Sequence[str]) -> List[str]:
    """Return the classes in the order of the report: those of KITTI first.

    Example:
        >>> ordered_classes(['Van', 'Pedestrian', 'Car'])
        ['Car', 'Pedestrian', 'Van']
    """
    found = [find_class(name, class_names) for name in CLASS_COLORS]
    first = [name for name in found if name is not None]
    return [*first, *(name for name in class_names if name not in first)]


def summary_html(prediction: Prediction, shown: Optional[ObjectTable]) -> str:
    """Return the text below the picture as HTML: one line per object, or the range of depths.

    A line starts with a square in the colour of the class.
    """
    if prediction.depth is not None:
        known = prediction.depth[prediction.depth > 0]
        lines = [f'{known.min():.1f} to {known.max():.1f} m' if known.size else 'no depth']
    else:
        assert shown is not None  # of a detector
        lines = object_lines(shown) or ['no objects']
    return f'<div style="padding: 0 0.75em; font-size: 0.875em">{"<br>".join(lines)}</div>'


def object_lines(objects: ObjectTable) -> List[str]:
    """Return a line of HTML for each object."""
    assert objects.scores is not None  # of predictions
    lines = []
    for name, score, location, yaw in zip(objects.names, objects.scores, objects.locations,
                                          objects.rotations_y):
        towards = heading_direction(np.array([yaw]))[0, 2]
        direction = 'away' if towards > .5 else 'towards' if towards < -.5 else 'across'
        lines.append(f'<span style="color: {class_color(name)}">&#9632;</span> '
                     f'{html.escape(name)} {score:.2f}: {location[2]:.1f} m ahead, {direction}')
    return lines


class LiveView:
    """Scene and controls in the browser.

    Frames are added while they are predicted. The newest one is shown until the reader moves the
    slider of frames or starts the playback.

    Args:
        server: viser's server.
        class_names: classes of the model; empty for a depth estimator.
        threshold: minimum score of objects that are shown at first.
    """

    def __init__(self, server: Any, class_names: List[str], threshold: float) -> None:
        self.server = server
        self.frames: List[Prediction] = []
        self._lock = threading.RLock()
        scene, gui = server.scene, server.gui
        # No part of the scene is lit. viser shows the scene dark until its environment map is
        # ready.
        scene.configure_environment_map(None)
        scene.configure_default_lights(False)
        scene.set_up_direction('-y')
        server.initial_camera.position = (-4., -7., -7.)
        server.initial_camera.look_at = (1., GROUND, 12.)
        scene.add_grid('/ground', GRID, GRID, plane='xz', cell_size=10., section_size=10.,
                       position=(0., GROUND, GRID / 2 - 10), cell_color=(60, 68, 78),
                       section_color=(60, 68, 78), section_thickness=1., fade_distance=300.)
        gui.configure_theme(dark_mode=True, control_width='large', show_logo=False,
                            show_share_button=False)
        gui.main_panel.dock_right()
        self._name = gui.add_text('Image', 'waiting for the first prediction', disabled=True)
        self._frame = gui.add_slider('Frame', 0, 1, 1, 0, disabled=True)
        self._newest = gui.add_checkbox('Show the newest', True)
        self._play = gui.add_checkbox('Play', False)
        self._threshold = gui.add_slider('Minimum score', 0., 1., .01, threshold,
                                         visible=bool(class_names))
        self._classes = {name: gui.add_checkbox(name, True)
                         for name in ordered_classes(class_names)}
        self._plane = gui.add_slider('Image at (m)', 1., MAX_PLANE, .5, PLANE)
        self._picture = gui.add_image(np.zeros((200, PANEL_WIDTH, 3), np.uint8),
                                      format='jpeg')
        self._summary = gui.add_html('')
        for control in (self._threshold, self._plane, *self._classes.values()):
            control.on_update(lambda event: self.show())
        self._frame.on_update(self._moved)

    def _moved(self, event: Any) -> None:
        if event.client is not None:  # moved by the reader, not by this class
            self._newest.value = self._play.value = False
        self.show()

    def add(self, prediction: Prediction) -> None:
        """Add a frame, and show it if the newest one is to be shown."""
        with self._lock:
            self.frames.append(prediction)
            last = len(self.frames) - 1
            if last:
                self._frame.max = last
                self._frame.disabled = False
            if self._newest.value:
                self._move(last)

    def advance(self) -> None:
        """Show the next frame if the playback runs; the first follows the last."""
        with self._lock:
            if self._play.value and self.frames:
                self._newest.value = False
                self._move((int(self._frame.value) + 1) % len(self.frames))

    def _move(self, index: int) -> None:
        if index == int(self._frame.value):
            self.show()
        else:
            self._frame.value = index  # calls show

    def show(self) -> None:
        """Draw the frame of the slider."""
        with self._lock:
            index = int(self._frame.value)
            if index >= len(self.frames):
                return
            prediction = self.frames[index]
            chosen = [name for name, box in self._classes.items() if box.value]
            shown = prediction.objects
            if shown is not None:
                shown = shown_objects(shown, self._threshold.value, chosen)
            with self.server.atomic():
                self._draw(prediction, shown)

    def _draw(self, prediction: Prediction, shown: Optional[ObjectTable]) -> None:
        scene, P2 = self.server.scene, prediction.camera.P2
        height, width = prediction.image.shape[:2]
        corners, frustum = image_plane((width, height), self._plane.value, P2)
        across, down = corners[1] - corners[0], corners[3] - corners[0]
        scene.add_image('/camera/image', reduced(prediction.image, MAX_SIDE)[..., ::-1],
                        float(np.linalg.norm(across)), float(np.linalg.norm(down)),
                        position=corners.mean(axis=0), format='jpeg')
        scene.add_line_segments('/camera/frustum', frustum, (232, 237, 242), thickness=.02)
        if shown is not None:
            # viser's tone mapping makes lines paler, but not points. Points are twice as wide as
            # their size.
            points, colors = line_points(*box_segments(shown), LINE_WIDTH / 2)
            scene.add_point_cloud('/boxes', points, colors if len(points) else NO_COLORS,
                                  point_size=LINE_WIDTH / 2, point_shape='circle',
                                  point_shading='flat', precision='float32')
            picture = draw_boxes_3d(prediction.image, shown, P2)
        else:
            points, colors = depth_points(prediction.depth, prediction.image, P2)
            scene.add_point_cloud('/depth', points, colors if len(points) else NO_COLORS,
                                  point_size=.06, point_shading='flat')
            picture = prediction.plot()
        self._picture.image = reduced(picture, PANEL_WIDTH)[..., ::-1]
        self._name.value = prediction.name
        self._summary.content = summary_html(prediction, shown)


def reduced(image: np.ndarray, max_side: int) -> np.ndarray:
    """Return an image of at most ``max_side`` pixels per side.

    Example:
        >>> reduced(np.zeros((100, 400, 3), np.uint8), 200).shape
        (50, 200, 3)
    """
    scale = max_side / max(image.shape[:2])
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def predictions(source: ImageSource, predictor: Predictor, cameras: CameraSource,
                limit: int) -> Iterator[Prediction]:
    """Yield the predictions of the readable images; print a line for each other image.

    Args:
        source: the images.
        predictor: the model.
        cameras: cameras of the images.
        limit: largest number of images.
    """
    for item in islice(source, limit):
        try:
            picture = predictor.picture(item, cameras)
        except InputError as error:
            print(f'skipped: {error}')
            continue
        yield from predictor.predict([picture])


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    viser = load_viser()
    cameras = check_camera(args)
    check_host(args.host)
    source = open_images(args.source)
    predictor = Predictor(args.model, args.device, args.config, score_threshold=0.)
    is_detector = predictor.task == 'detection'
    with redirect_stdout(io.StringIO()):  # viser prints its address, verbose or not
        server = viser.ViserServer(host=args.host, port=args.port, verbose=False)
    view = LiveView(server, list(predictor.class_names) if is_detector else [], args.score)
    print(f'open http://{args.host}:{server.get_port()} in a browser; Ctrl-C ends', flush=True)
    try:
        for prediction in predictions(source, predictor, cameras, args.limit):
            view.add(prediction)
        if not view.frames:
            raise InputError(f'{source.title}: no image was read')
        print(f'{len(view.frames)} images predicted', flush=True)
        while True:
            time.sleep(1 / FRAME_RATE)
            view.advance()
    finally:
        server.stop()
