"""The live view in a real browser: colours, and no waiting for an environment map."""
import io
import time

import numpy as np
import pytest
from PIL import Image
from tiny_kitti import P2, make_objects

from mmdet3d_plugin.commands.view import LiveView
from mmdet3d_plugin.prediction import Prediction
from mmdet3d_plugin.prediction.cameras import Camera

pytestmark = pytest.mark.browser

CLASSES = ['Car', 'Pedestrian', 'Cyclist']
COLORS = {(255, 154, 31), (255, 92, 147), (53, 182, 255)}  # of the classes
PATIENCE = 120  # seconds; rendering in software is slow


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport=dict(width=1280, height=800))
    yield page
    page.close()


@pytest.fixture
def server():
    viser = pytest.importorskip('viser', reason='viser is not installed')
    server = viser.ViserServer(host='localhost', port=8180, verbose=False)
    yield server
    server.stop()


def colors_of(picture):
    """Return the colours of at least 30 pixels of a screenshot's scene."""
    scene = np.array(Image.open(io.BytesIO(picture)).convert('RGB'))[:, :880]
    colors, counts = np.unique(scene.reshape(-1, 3), axis=0, return_counts=True)
    return set(map(tuple, colors[counts >= 30].tolist()))


def test_boxes_have_the_colors_of_their_classes(server, page):
    objects = make_objects([('Car', -4., 1.6, 12., -1.5), ('Pedestrian', 4., 1.6, 14., 0.),
                            ('Cyclist', 0., 1.6, 16., .5)])
    objects.scores = np.array([.9, .9, .9])
    LiveView(server, CLASSES, .1).add(Prediction(
        'a', np.zeros((375, 1242, 3), np.uint8), Camera(P2, (1242, 375)), tuple(CLASSES), objects,
        np.arange(3)))
    errors = []
    page.on('console', lambda message: errors.append(message.text)
            if 'color buffer' in message.text else None)
    page.goto(f'http://localhost:{server.get_port()}')
    end = time.monotonic() + PATIENCE
    while not (found := colors_of(page.screenshot()) >= COLORS) and time.monotonic() < end:
        page.wait_for_timeout(500)
    assert found
    # viser's environment map, which hides the canvas until it is loaded, is off.
    assert set(page.eval_on_selector_all('canvas', 'all => all.map(c => c.style.opacity)')
               ) <= {'', '1'}
    page.get_by_label('Car').first.click()
    while COLORS & colors_of(page.screenshot()) != COLORS - {(255, 154, 31)}:
        assert time.monotonic() < end
        page.wait_for_timeout(500)
    for name in CLASSES[1:]:
        page.get_by_label(name).first.click()
    while COLORS & colors_of(page.screenshot()):
        assert time.monotonic() < end
        page.wait_for_timeout(500)
    assert errors == []  # also without any box
