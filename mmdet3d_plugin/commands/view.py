"""Show predictions for own images in 3D: python tools/view.py SOURCE [options]."""
import argparse
import html
import threading
import time
from importlib import import_module
from itertools import islice
from types import ModuleType
from typing import Any, Iterator, List, Optional

import cv2
import numpy as np

from ..errors import InputError
from ..prediction import ImageSource, Prediction, Predictor, open_images
from ..prediction.cameras import CameraSource
from ..structures.angles import heading_direction
from ..structures.object_table import ObjectTable
from ..visualization.boxes_on_image import draw_boxes_3d
from ..visualization.colors import class_color
from ..visualization.scene_arrays import box_segments, depth_points, image_plane, line_points
from .predict import check_camera

PANEL_WIDTH = 720  # pixels of the picture in the side panel
MAX_SIDE = 960  # pixels of the image in the scene
PLANE = 4.  # metres from the camera to the image
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
                         'pip install viser') from None


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


def summary_of(prediction: Prediction, shown: Optional[ObjectTable]) -> str:
    """Return the lines of text below the picture: one per object, or the range of depths."""
    if prediction.depth is not None:
        known = prediction.depth[prediction.depth > 0]
        return f'{known.min():.1f} to {known.max():.1f} m' if known.size else 'no depth'
    assert shown is not None and shown.scores is not None  # of a detector
    lines = []
    for name, score, location, yaw in zip(shown.names, shown.scores, shown.locations,
                                          shown.rotations_y):
        towards = heading_direction(np.array([yaw]))[0, 2]
        direction = 'away' if towards > .5 else 'towards' if towards < -.5 else 'across'
        lines.append(f'{name} {score:.2f}: {location[2]:.1f} m ahead, {direction}')
    return '\n'.join(lines) or 'no objects'


def legend_html(class_names: List[str]) -> str:
    """Return the names of classes as HTML, each behind a square of its colour.

    Example:
        >>> '<span style="color: #ff9a1f">&#9632;</span> Car' in legend_html(['Car', 'Van'])
        True
    """
    entries = [f'<span style="color: {class_color(name)}">&#9632;</span> {html.escape(name)}'
               for name in class_names]
    return ('<div style="padding: 0 0.75em; font-size: 0.875em">'
            f'{" &nbsp; ".join(entries)}</div>')


class LiveView:
    """Scene and controls in the browser.

    Frames are added while they are predicted. The newest one is shown until the reader moves the
    slider of frames or starts the playback.

    Args:
        server: viser's server.
        class_names: classes of the model; empty for a depth estimator.
        threshold: least score of objects that are shown at first.
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
        gui.configure_theme(dark_mode=True, control_layout='fixed', control_width='large',
                            show_logo=False, show_share_button=False)
        self._name = gui.add_text('Image', 'waiting for the first prediction', disabled=True)
        self._frame = gui.add_slider('Frame', 0, 1, 1, 0, disabled=True)
        self._newest = gui.add_checkbox('Show the newest', True)
        self._play = gui.add_checkbox('Play', False)
        self._threshold = gui.add_slider('Least score', 0., 1., .01, threshold,
                                         visible=bool(class_names))
        self._classes = {name: gui.add_checkbox(name, True) for name in class_names}
        self._picture = gui.add_image(np.zeros((200, PANEL_WIDTH, 3), np.uint8),
                                      format='jpeg')
        gui.add_html(legend_html(class_names), visible=bool(class_names))
        self._summary = gui.add_text('Found', '', multiline=True, disabled=True)
        for control in (self._threshold, *self._classes.values()):
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
        corners, frustum = image_plane((width, height), PLANE, P2)
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
        self._summary.value = summary_of(prediction, shown)


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
    source = open_images(args.source)
    predictor = Predictor(args.model, args.device, args.config, score_threshold=0.)
    is_detector = predictor.task == 'detection'
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
