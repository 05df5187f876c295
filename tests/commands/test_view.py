"""The command ``tools/view.py``."""
import argparse
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


def test_summaries():
    found = prediction_of()
    # A yaw of -90 degrees points away from the camera, 90 degrees towards it.
    assert view.summary_of(found, found.objects).splitlines() == [
        'Car 0.90: 12.0 m ahead, away', 'Car 0.50: 25.0 m ahead, towards',
        'Pedestrian 0.20: 9.0 m ahead, across']
    assert view.summary_of(found, found.objects[:0]) == 'no objects'
    depth = np.zeros((375, 1242), np.float32)
    assert view.summary_of(prediction_of(depth=depth), None) == 'no depth'
    depth[:, :4] = 3, 0, 5.25, 12
    assert view.summary_of(prediction_of(depth=depth), None) == '3.0 to 12.0 m'


def test_legend_has_the_colors_of_the_classes_and_escapes_names():
    # Classes without a colour of their own are violet.
    legend = view.legend_html(['Pedestrian', '<b>'])
    assert '<span style="color: #ff5c93">&#9632;</span> Pedestrian' in legend
    assert '<span style="color: #b9a7ff">&#9632;</span> &lt;b&gt;' in legend


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
    assert live_view._summary.value.count('Car') == 2  # the pedestrian has a score of 0.2
    live_view._threshold.value = .6
    assert live_view._summary.value == 'Car 0.90: 12.0 m ahead, away'
    live_view._classes['Car'].value = False
    assert live_view._summary.value == 'no objects'
    live_view.advance()
    assert live_view._name.value == 'c'
    live_view._play.value = True
    live_view.advance()
    assert live_view._name.value == 'a'


def test_options():
    args = build_parser().parse_args(['pictures', '--fov', '80'])
    assert isinstance(args, argparse.Namespace)
    assert (args.source, args.model, args.host) == ('pictures', 'work_dirs/demo', 'localhost')
