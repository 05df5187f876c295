"""Pictures of embeddings that the hook draws in a test of a fake model."""
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import torch.nn as nn
from mmengine.structures import BaseDataElement

from mmdet3d_plugin.engine.embedding_choice import choose_queries, choose_whole_classes
from mmdet3d_plugin.engine.hooks import DrawNeighboursHook
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning.piecewise_linear import grow_pieces
from mmdet3d_plugin.visualization.colors import RIGHT_COLOR, WRONG_COLOR, to_bgr

CLASSES = ('ant', 'bee', 'cow', 'dog')
FILES = ['embedding.png', 'neighbours.jpg', 'neighbours.json', 'piece.png']
MODULE = 'mmdet3d_plugin.engine.hooks.draw_neighbours_hook'


class Embedder(nn.Module):
    task = 'embedding'


@pytest.fixture(autouse=True)
def fast_coordinates(monkeypatch):
    """Two columns of the embeddings in place of t-SNE, which takes a second."""
    monkeypatch.setattr(f'{MODULE}.embedding_coordinates', lambda embeddings: embeddings[:, :2])


@pytest.fixture
def samples(tmp_path):
    """40 test images of 4 classes, 10 per class, with random unit vectors."""
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(40, 6)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    result = []
    for index, embedding in enumerate(embeddings):
        path = tmp_path / f'images/{index}.png'
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((20, 30, 3), 50 + 5 * index, np.uint8))
        sample = BaseDataElement(metainfo=dict(name=f'set/{index}', img_path=str(path),
                                               sample_idx=index, label=index % 4))
        sample.set_field(torch.from_numpy(embedding), 'pred_embedding', dtype=torch.Tensor)
        result.append(sample)
    return result


def run_test(hook, tmp_path, samples, model=None, batch=7):
    """Run a test, and return the folder of the pictures."""
    dataset = SimpleNamespace(metainfo=dict(classes=CLASSES))
    runner = SimpleNamespace(model=model or Embedder(), work_dir=str(tmp_path / 'run'),
                             test_dataloader=SimpleNamespace(dataset=dataset))
    hook.before_test_epoch(runner)
    for index, start in enumerate(range(0, len(samples), batch)):
        hook.after_test_iter(runner, index, None, samples[start:start + batch])
    hook.after_test_epoch(runner)
    return tmp_path / 'run/neighbours'


def brute_force(samples, query):
    """Return the other images by distance to a query: (distance, index) pairs."""
    points = np.stack([sample.pred_embedding.numpy() for sample in samples]).astype(float)
    distances = np.linalg.norm(points - points[query], axis=1)
    return sorted((distances[index], index) for index in range(len(points)) if index != query)


def test_neighbours_are_those_of_brute_force(tmp_path, samples):
    folder = run_test(DrawNeighboursHook(max_queries=4, num_neighbours=3), tmp_path, samples)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    rows = json.loads((folder / 'neighbours.json').read_text())
    assert [row['class_name'] for row in rows] == list(CLASSES)
    for row in rows:
        query = int(row['name'].removeprefix('set/'))
        assert CLASSES[query % 4] == row['class_name']
        expected = brute_force(samples, query)[:3]
        assert [item['name'] for item in row['neighbours']] == [
            f'set/{index}' for _, index in expected]
        assert [item['class_name'] for item in row['neighbours']] == [
            CLASSES[index % 4] for _, index in expected]
        np.testing.assert_allclose([item['distance'] for item in row['neighbours']],
                                   [distance for distance, _ in expected], rtol=1e-5)


def test_sheet_shows_the_images_and_frames_of_the_neighbours(tmp_path, samples):
    folder = run_test(DrawNeighboursHook(max_queries=4, num_neighbours=3), tmp_path, samples)
    sheet = cv2.imread(str(folder / 'neighbours.jpg')).astype(int)
    assert sheet.shape == (52 + 4 * 166, 180 + 3 * 140, 3)
    rows = json.loads((folder / 'neighbours.json').read_text())
    for number, row in enumerate(rows):
        top = 52 + 166 * number
        shown = [row, *row['neighbours']]
        for item, left in zip(shown, (12, 180, 320, 460)):
            # The JPEG changes grey values a little.
            grey = 50 + 5 * int(item['name'].removeprefix('set/'))
            assert np.abs(sheet[top + 64, left + 64] - grey).max() <= 2
        for item, left in zip(shown[1:], (180, 320, 460)):
            right = item['class_name'] == row['class_name']
            frame = sheet[top + 40:top + 90, left + 1:left + 3].mean(axis=(0, 1))
            wanted, other = (to_bgr(color) for color in ((RIGHT_COLOR, WRONG_COLOR) if right else
                                                         (WRONG_COLOR, RIGHT_COLOR)))
            assert np.abs(frame - wanted).sum() < np.abs(frame - other).sum()


def test_piece_is_grown_around_the_first_query(tmp_path, samples, monkeypatch):
    seen = {}

    def picture(anchor, coordinates, orthogonal, is_member, right, thumbnails, title):
        seen.update(locals())
        return np.zeros((10, 10, 3), np.uint8)
    monkeypatch.setattr(f'{MODULE}.piece_picture', picture)
    run_test(DrawNeighboursHook(max_queries=4, piece_points=12, piece_dim=2), tmp_path, samples)
    query = 20  # the middle one of the ten images 0, 4, ... of the first class
    rows = [query, *(index for _, index in brute_force(samples, query)[:11])]
    points = torch.stack([samples[row].pred_embedding for row in rows]).double()
    pieces = grow_pieces(points, dim=2)
    offsets = points[1:] - points[0]
    assert len(seen['coordinates']) == 11
    np.testing.assert_allclose(seen['coordinates'], offsets @ pieces.bases[0], atol=1e-9)
    # Pythagoras: the plane and the rest make up the distance.
    np.testing.assert_allclose(
        (seen['coordinates'] ** 2).sum(1) + seen['orthogonal'] ** 2,
        offsets.square().sum(1), atol=1e-9)
    np.testing.assert_array_equal(seen['is_member'], pieces.members[0, 1:])
    np.testing.assert_array_equal(seen['right'], [row % 4 == 0 for row in rows[1:]])
    assert seen['anchor'][0, 0, 0] == 50 + 5 * query
    assert list(seen['thumbnails']) == np.flatnonzero(seen['is_member']).tolist()
    for index, image in seen['thumbnails'].items():
        assert image[0, 0, 0] == 50 + 5 * rows[1 + index]
    members, right = seen['is_member'].sum(), (seen['is_member'] & seen['right']).sum()
    assert seen['title'] == (
        f'linear piece: {members} members, {right} of the class of set/20')


def test_line_piece_has_one_coordinate(tmp_path, samples, monkeypatch):
    seen = []
    monkeypatch.setattr(f'{MODULE}.piece_picture', lambda *arguments: seen.append(arguments[1]) or
                        np.zeros((4, 4, 3), np.uint8))
    run_test(DrawNeighboursHook(piece_dim=1), tmp_path, samples)
    assert seen[0].shape == (39, 2) and seen[0][:, 0].any() and not seen[0][:, 1].any()


def test_plot_shows_whole_classes_of_large_sets(tmp_path, samples, monkeypatch):
    seen = {}

    def plot(coordinates, labels, classes, thumbnails, title):
        seen.update(locals())
        return b''
    monkeypatch.setattr(f'{MODULE}.embedding_plot', plot)
    run_test(DrawNeighboursHook(max_points=25), tmp_path, samples)
    assert len(seen['coordinates']) == 20 and len(set(seen['labels'].tolist())) == 2
    assert seen['title'] == '20 test images of 2 classes (of 40 images)'
    kept = [index for index in range(40) if index % 4 in set(seen['labels'].tolist())]
    for index, image in seen['thumbnails'].items():
        assert image[0, 0, 0] == 50 + 5 * kept[index]
    run_test(DrawNeighboursHook(), tmp_path, samples)
    assert seen['title'] == '40 test images of 4 classes' and len(seen['coordinates']) == 40


def test_boxes_are_cut_out(tmp_path, samples, monkeypatch):
    path = tmp_path / 'whole.png'
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:20, 30:50] = 200
    cv2.imwrite(str(path), image)
    samples[20].set_metainfo(dict(img_path=str(path), box=np.array([30., 10., 50., 20.])))
    rows = []
    monkeypatch.setattr(f'{MODULE}.neighbour_sheet', lambda found, title: rows.extend(found) or
                        np.zeros((4, 4, 3), np.uint8))
    run_test(DrawNeighboursHook(max_queries=4), tmp_path, samples)
    assert rows[0].query.shape == (10, 20, 3) and (rows[0].query == 200).all()


def test_large_images_are_shrunk(tmp_path, samples, monkeypatch):
    path = tmp_path / 'large.png'
    cv2.imwrite(str(path), np.full((300, 1024, 3), 90, np.uint8))
    samples[20].set_metainfo(dict(img_path=str(path)))
    rows = []
    monkeypatch.setattr(f'{MODULE}.neighbour_sheet', lambda found, title: rows.extend(found) or
                        np.zeros((4, 4, 3), np.uint8))
    run_test(DrawNeighboursHook(max_queries=4), tmp_path, samples)
    assert rows[0].query.shape == (75, 256, 3)


@pytest.mark.parametrize('count', [2, 3])
def test_small_sets_have_fewer_neighbours(tmp_path, samples, count):
    folder = run_test(DrawNeighboursHook(), tmp_path, samples[:count])
    rows = json.loads((folder / 'neighbours.json').read_text())
    assert len(rows) == count
    assert all(len(row['neighbours']) == count - 1 for row in rows)
    assert sorted(path.name for path in folder.iterdir()) == FILES


@pytest.mark.parametrize('count', [0, 1])
def test_nothing_is_drawn_of_less_than_two_images(tmp_path, samples, count):
    assert not run_test(DrawNeighboursHook(), tmp_path, samples[:count]).exists()


def test_other_folder(tmp_path, samples):
    run_test(DrawNeighboursHook(out_dir=str(tmp_path / 'shown')), tmp_path, samples)
    assert sorted(path.name for path in (tmp_path / 'shown').iterdir()) == FILES
    assert not (tmp_path / 'run').exists()


def test_a_second_test_starts_from_nothing(tmp_path, samples):
    hook = DrawNeighboursHook(num_neighbours=30)
    run_test(hook, tmp_path, samples)
    folder = run_test(hook, tmp_path, samples[:5])
    assert all(len(row['neighbours']) == 4
               for row in json.loads((folder / 'neighbours.json').read_text()))


@pytest.mark.parametrize('task', ['detection', 'depth'])
def test_models_of_other_tasks_are_not_drawn(tmp_path, samples, task):
    model = type('Other', (nn.Module,), dict(task=task))()
    # Their samples have no embeddings.
    assert not run_test(DrawNeighboursHook(), tmp_path, [BaseDataElement()] * 3, model).exists()


def test_only_the_main_process_draws(tmp_path, samples, monkeypatch):
    monkeypatch.setattr(f'{MODULE}.is_main_process', lambda: False)
    assert not run_test(DrawNeighboursHook(), tmp_path, samples).exists()


def test_missing_image_is_named(tmp_path, samples):
    samples[20].set_metainfo(dict(img_path=str(tmp_path / 'gone.png')))
    with pytest.raises(InputError, match='gone.png'):
        run_test(DrawNeighboursHook(), tmp_path, samples)


@pytest.mark.parametrize('settings, message', [
    (dict(max_queries=0), 'max_queries is 0, expected 1 or more'),
    (dict(num_neighbours=0), 'num_neighbours is 0, expected 1'),
    (dict(max_points=0), 'max_points is 0, expected 1'),
    (dict(piece_points=1), 'piece_points is 1, expected 2 or more'),
    (dict(piece_dim=0), 'DrawNeighboursHook: dim 0'),
    (dict(piece_rule='none'), "DrawNeighboursHook: rule is 'none'"),
    (dict(piece_threshold=2.), 'threshold 2.0')])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        DrawNeighboursHook(**settings)


def test_queries_are_spread_over_classes_and_inside_them():
    labels = np.repeat([2, 5, 7, 9], 6)
    # One per class: its middle image. Two of four classes: the first and the third.
    assert choose_queries(labels, 4).tolist() == [3, 9, 15, 21]
    assert choose_queries(labels, 2).tolist() == [3, 15]
    # Three per class: images at 1/6, 3/6 and 5/6 of the class.
    assert choose_queries(labels, 12).tolist() == [
        start + offset for start in (0, 6, 12, 18) for offset in (1, 3, 5)]
    # A class of one image has one query.
    assert choose_queries(np.array([0, 1, 1, 1, 1]), 4).tolist() == [0, 2, 4]
    assert choose_queries(labels[::-1], 4).tolist() == [21, 15, 9, 3]
    assert choose_queries(np.zeros(0, int), 4).tolist() == []
    assert len(choose_queries(np.arange(1000), 12)) == 12


def test_whole_classes_are_chosen():
    labels = np.tile(np.arange(10), 8)
    chosen = choose_whole_classes(labels, 35)
    assert len(chosen) == 32 and (np.diff(chosen) > 0).all()
    assert sorted(np.unique(labels[chosen], return_counts=True)[1].tolist()) == [8] * 4
    assert choose_whole_classes(labels, 80).tolist() == list(range(80))
    assert len(choose_whole_classes(labels, 5)) == 5  # of one class
    assert len(set(labels[choose_whole_classes(labels, 5)].tolist())) == 1
