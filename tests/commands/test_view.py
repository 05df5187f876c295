"""The command ``tools/view.py``."""
import argparse
import re
import sys

import numpy as np
import pytest
from tiny_kitti import P2, make_objects
from tiny_predictor import picture, tiny_model

from mmdet3d_plugin.cli.view import build_parser
from mmdet3d_plugin.commands import view
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.prediction import Prediction, Predictor, open_images
from mmdet3d_plugin.prediction.cameras import Camera, CameraSource


def prediction_of(name='a', depth=None):
    camera = Camera(P2, (1242, 375))
    image = np.zeros((375, 1242, 3), np.uint8)
    if depth is not None:
        return Prediction(name, image, camera, (), depth=depth)
    objects = make_objects([('Car', -3., 1.6, 12., -np.pi / 2), ('Car', 4., 1.7, 25., np.pi / 2),
                            ('Pedestrian', 2., 1.6, 9., 0.)])
    objects.scores = np.array([.9, .5, .2])
    return Prediction(name, image, camera, ('Car', 'Pedestrian'), objects, np.array([0, 0, 1]))


def test_viser_is_asked_for_before_anything_is_read(monkeypatch):
    monkeypatch.setitem(sys.modules, 'viser', None)  # as if it was not installed
    with pytest.raises(InputError, match='needs viser, which is not installed; .* pip install'):
        view.main(build_parser().parse_args(['no_such_folder', '--fov', '80']))


def test_objects_are_chosen_by_score_and_class():
    objects = prediction_of().objects
    assert view.shown_objects(objects, .5, ['Car', 'Pedestrian']).scores.tolist() == [.9, .5]
    assert view.shown_objects(objects, 0., ['Pedestrian']).scores.tolist() == [.2]
    assert len(view.shown_objects(objects, 0., [])) == 0


def lines_of(summary):
    """Return the lines of a summary without the element around them."""
    return re.fullmatch('<div style="[^"]*">(.*)</div>', summary)[1].split('<br>')


def test_summaries():
    found = prediction_of()
    # A yaw of -90 degrees points away from the camera, 90 degrees towards it.
    square = '<span style="color: {}">&#9632;</span> '
    orange, pink = square.format('#ff9a1f'), square.format('#ff5c93')
    assert lines_of(view.summary_html(found, found.objects)) == [
        f'{orange}Car 0.90: 12.0 m ahead, away', f'{orange}Car 0.50: 25.0 m ahead, towards',
        f'{pink}Pedestrian 0.20: 9.0 m ahead, across']
    assert lines_of(view.summary_html(found, found.objects[:0])) == ['no objects']
    depth = np.zeros((375, 1242), np.float32)
    assert lines_of(view.summary_html(prediction_of(depth=depth), None)) == ['no depth']
    depth[:, :4] = 3, 0, 5.25, 12
    assert lines_of(view.summary_html(prediction_of(depth=depth), None)) == ['3.0 to 12.0 m']


def test_names_of_classes_are_escaped():
    objects = make_objects([('Car', 0., 1.6, 12., 0.)])
    objects.names, objects.scores = np.array(['<b>']), np.array([.5])
    # Classes without a colour of their own are violet.
    assert view.object_lines(objects) == ['<span style="color: #b9a7ff">&#9632;</span> '
                                          '&lt;b&gt; 0.50: 12.0 m ahead, across']


def test_classes_have_the_order_of_the_report():
    assert view.ordered_classes(['Truck', 'Pedestrian', 'car', 'Bus', 'Cyclist']) == [
        'car', 'Pedestrian', 'Cyclist', 'Truck', 'Bus']


@pytest.mark.parametrize('host, reason', [
    # The first has a label of no characters, the second is reserved for documentation.
    ('a..b', 'label empty'), ('203.0.113.5', 'cannot assign requested address')])
def test_addresses_are_checked_before_the_source_and_the_model(monkeypatch, host, reason):
    monkeypatch.setattr(view, 'load_viser', lambda: None)
    args = build_parser().parse_args(['no_such_folder', '--fov', '80', '--host', host])
    with pytest.raises(InputError, match=f'--host {host}: cannot be served .*{reason}.*; use loc'):
        view.main(args)


def test_addresses_of_this_machine_can_be_served():
    for host in ('localhost', '127.0.0.1', '0.0.0.0'):
        view.check_host(host)


def test_unreadable_images_are_skipped(tmp_path, capsys):
    (tmp_path / 'b.png').write_bytes(b'no image')
    source = open_images([picture(1), str(tmp_path / 'b.png'), picture(2)])
    predictor = Predictor(tiny_model(), device='cpu')
    found = list(view.predictions(source, predictor, CameraSource(None, 350., None), 5))
    assert [item.name for item in found] == ['000000', '000002']
    assert 'skipped: ' in capsys.readouterr().out
    source = open_images([picture(1), picture(2)])
    assert len(list(view.predictions(source, predictor, CameraSource(None, 350., None), 1))) == 1


@pytest.fixture
def live_view():
    viser = pytest.importorskip('viser', reason='viser is not installed')
    server = viser.ViserServer(host='localhost', port=8170, verbose=False)
    yield view.LiveView(server, ['Car', 'Pedestrian'], .4)
    server.stop()


def test_view_follows_the_newest_frame_and_plays(live_view):
    for name in 'abc':
        live_view.add(prediction_of(name))
    assert live_view._name.value == 'c' and live_view._frame.max == 2
    assert live_view._summary.content.count('Car') == 2  # the pedestrian has a score of 0.2
    live_view._threshold.value = .6
    assert live_view._summary.content.count('Car') == 1
    live_view._classes['Car'].value = False
    assert lines_of(live_view._summary.content) == ['no objects']
    live_view.advance()
    assert live_view._name.value == 'c'
    live_view._play.value = True
    live_view.advance()
    assert live_view._name.value == 'a'


def test_the_slider_moves_the_image(live_view, monkeypatch):
    """With a focal length of 721.5 pixels, the image is 1242 / 721.5 as wide as it is far."""
    images = []
    monkeypatch.setattr(live_view.server.scene, 'add_image',
                        lambda name, image, width, height, position, **options:
                        images.append((position[2], width)))
    live_view.add(prediction_of())
    live_view._plane.value = 20.
    assert images == [pytest.approx((z, z * 1242 / 721.5), rel=.01) for z in (4, 20)]


def test_options():
    args = build_parser().parse_args(['pictures', '--fov', '80'])
    assert isinstance(args, argparse.Namespace)
    assert (args.source, args.model, args.host) == ('pictures', 'work_dirs/demo', 'localhost')
