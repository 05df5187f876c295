"""Vehicles of many identities: models, views, files and pictures."""
import csv
import shutil
from dataclasses import replace
from itertools import chain

import cv2
import numpy as np
import pytest
from synthetic.folder_reader import file_bytes

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.synthetic.vehicles import (
    VehicleSet,
    sample_model,
    sample_view,
    vehicle_mesh,
    write_vehicle_set,
)
from mmdet3d_plugin.synthetic.vehicles.models import BODIES
from mmdet3d_plugin.synthetic.vehicles.places import Solid
from mmdet3d_plugin.synthetic.vehicles.render import render_view
from mmdet3d_plugin.synthetic.vehicles.writer import Identity

EASY = VehicleSet(num_models=12, num_views=5, size=48, difficulty=0., seed=2)
HARD = VehicleSet(num_models=8, num_views=2, size=32, difficulty=1., seed=2)


@pytest.fixture(scope='module')
def easy(tmp_path_factory):
    """Folder of the set ``EASY``. Tests must not change its files."""
    root = tmp_path_factory.mktemp('vehicles') / 'easy'
    write_vehicle_set(root, EASY)
    return root


@pytest.fixture(scope='module')
def hard(tmp_path_factory):
    """Folder of the set ``HARD``. Tests must not change its files."""
    root = tmp_path_factory.mktemp('vehicles') / 'hard'
    write_vehicle_set(root, HARD)
    return root


def read_table(path):
    with open(path, newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def views_of(difficulty, count=400):
    return [sample_view(np.random.default_rng(seed), difficulty) for seed in range(count)]


def generators(count):
    return [np.random.default_rng(seed) for seed in range(count)]


def test_class_folders_and_tables(easy):
    folders = {split: sorted(path.name for path in (easy / split).iterdir())
               for split in ('train', 'val', 'test')}
    assert folders == {'train': ['0000', '0001', '0002', '0003', '0004', '0005'],
                       'val': ['0006', '0007', '0008'], 'test': ['0009', '0010', '0011']}
    crops = sorted(easy.glob('*/*/*.png'))
    assert len(crops) == 12 * 5
    assert {cv2.imread(str(path)).shape for path in crops} == {(48, 48, 3)}
    models, views = read_table(easy / 'models.csv'), read_table(easy / 'views.csv')
    assert [row['identity'] for row in models] == [*chain(*folders.values())]
    assert [easy / row['split'] / row['identity'] / f'{row["view"]}.png' for row in views] \
        == sorted(crops, key=lambda path: (path.parent.name, path.name))
    assert {row['place'] for row in views} == {'plain'}
    assert {row['occluder'] for row in views} == {'none'}


def test_splits_share_no_identity():
    models = [identity.model(EASY) for identity in VehicleSet(40, 2).identities()]
    assert len(set(models)) == 40
    assert VehicleSet(10, 2).split_sizes() == {'train': 6, 'val': 2, 'test': 2}


def test_identity_does_not_depend_on_the_size_of_its_split():
    few, many = VehicleSet(8, 2, seed=4), VehicleSet(80, 40, seed=4)
    for split in ('train', 'val', 'test'):
        models = [next(identity for identity in content.identities() if identity.split == split
                       ).model(content) for content in (few, many)]
        assert models[0] == models[1]


def test_files_do_not_depend_on_the_number_of_workers(hard, tmp_path):
    write_vehicle_set(tmp_path / 'two', HARD, workers=2)
    assert file_bytes(hard) == file_bytes(tmp_path / 'two')


def test_resumed_run_writes_only_missing_files(easy, tmp_path):
    complete = file_bytes(easy)
    shutil.copytree(easy, tmp_path / 'set')
    kept = tmp_path / 'set/train/0001/0002.png'
    before = kept.stat().st_mtime_ns
    (tmp_path / 'set/train/0001/0003.png').unlink()
    shutil.rmtree(tmp_path / 'set/test/0010')
    (tmp_path / 'set/views.csv').unlink()
    (tmp_path / 'set/val/0006/.0001.killed.png').write_bytes(b'half a fi')
    write_vehicle_set(tmp_path / 'set', EASY)
    assert file_bytes(tmp_path / 'set') == complete
    assert kept.stat().st_mtime_ns == before


def test_set_with_other_arguments_is_replaced_only_with_overwrite(hard, tmp_path):
    shutil.copytree(hard, tmp_path / 'set')
    other = VehicleSet(num_models=8, num_views=2, size=32, difficulty=0., seed=2)
    with pytest.raises(InputError, match='vehicles.json.*--overwrite'):
        write_vehicle_set(tmp_path / 'set', other)
    write_vehicle_set(tmp_path / 'set', other, overwrite=True)
    write_vehicle_set(tmp_path / 'fresh', other)
    assert file_bytes(tmp_path / 'set') == file_bytes(tmp_path / 'fresh')


@pytest.mark.parametrize('overwrite', [False, True])
def test_folder_with_other_files_is_not_changed(tmp_path, overwrite):
    (tmp_path / 'train').mkdir()
    (tmp_path / 'train/photo.png').write_bytes(b'content')
    with pytest.raises(InputError, match='not a set of vehicles'):
        write_vehicle_set(tmp_path, HARD, overwrite=overwrite)
    assert file_bytes(tmp_path) == {'train/photo.png': b'content'}


def vehicle_colour(path):
    """Return the mean hue of the saturated pixels of a crop as a point on the circle."""
    hue, saturation, _ = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2HSV) \
        .reshape(-1, 3).T.astype(float)
    angles = np.radians(2 * hue[saturation > 90])
    return np.cos(angles).mean(), np.sin(angles).mean()


def test_hue_tells_identities_apart_at_difficulty_0(easy):
    paths = sorted(easy.glob('train/*/*.png'))
    colours = np.array([vehicle_colour(path) for path in paths])
    identities = np.array([path.parent.name for path in paths])
    distances = np.linalg.norm(colours[:, None] - colours, axis=2)
    same = identities[:, None] == identities
    others = ~np.eye(len(paths), dtype=bool)
    assert distances[~same].mean() > 5 * distances[same & others].mean()
    np.fill_diagonal(distances, np.inf)
    assert (identities[distances.argmin(1)] == identities).mean() > .9


def test_paints_are_saturated_at_difficulty_0_and_mostly_grey_at_difficulty_1():
    def saturations(difficulty):
        paints = np.array([sample_model(rng, hue=.3, difficulty=difficulty).paint
                           for rng in generators(100)])
        return 1 - paints.min(1) / paints.max(1)
    assert saturations(0.).min() > .75
    assert np.median(saturations(1.)) < .4


def test_difficulty_changes_the_paint_alone_of_a_model():
    for seed in range(20):
        easy, hard = (sample_model(np.random.default_rng(seed), .5, difficulty)
                      for difficulty in (0., 1.))
        assert replace(hard, paint=easy.paint, roof_paint=easy.roof_paint) == easy


def test_models_cover_all_bodies_within_their_ranges():
    models = [sample_model(rng, .5, 1.) for rng in generators(200)]
    assert {model.body for model in models} == set(BODIES)
    for model in models:
        ranges = BODIES[model.body]
        size = np.ptp(vehicle_mesh(model).vertices, axis=0)
        assert ranges.length[0] <= model.length <= ranges.length[1]
        assert model.length - .02 <= size[0] <= model.length + .8
        assert model.height - .01 <= size[1] <= model.height + .6
        assert model.width <= size[2] <= model.width + .35


def test_wheels_stand_on_the_ground():
    for rng in generators(20):
        assert vehicle_mesh(sample_model(rng, .5, 1.)).vertices[:, 1].max() \
            == pytest.approx(0., abs=1e-3)


@pytest.mark.parametrize('difficulty, reach', [(0., 20.), (.5, 100.), (1., 180.)])
def test_difficulty_is_the_spread_of_azimuths(difficulty, reach):
    azimuths = np.array([view.azimuth for view in views_of(difficulty)])
    offsets = np.abs((azimuths - 40. + 180.) % 360. - 180.)  # from the front quarter view
    assert .95 * reach < offsets.max() <= reach
    assert offsets.mean() == pytest.approx(reach / 2, rel=.1)
    assert (azimuths >= -180).all() and (azimuths < 180).all()


def test_difficulty_adds_scenery_and_occlusion():
    for difficulty, scenery, occlusion in ((0., 0., 0.), (.5, .5, .3), (1., 1., .6)):
        views = views_of(difficulty)
        assert np.mean([view.place is not None for view in views]) \
            == pytest.approx(scenery, abs=.08)
        assert np.mean([view.occluder is not None for view in views]) \
            == pytest.approx(occlusion, abs=.08)


def test_table_of_views_holds_the_azimuths(hard):
    rows = read_table(hard / 'views.csv')
    assert [float(row['azimuth']) for row in rows[:2]] == pytest.approx(
        [Identity('train', 0, 0).view(HARD, number).azimuth for number in range(2)], abs=.05)
    assert {row['place'] for row in rows} <= {str(number) for number in range(12)}


@pytest.fixture(scope='module')
def scene():
    """A white van and an easy view of it."""
    models = (sample_model(rng, .5, 0.) for rng in generators(200))
    van = next(model for model in models if model.body == 'van' and model.roof == 'none')
    view = sample_view(np.random.default_rng(0), 0.)
    white = replace(van, paint=(.7, .7, .7), roof_paint=(.7, .7, .7), decoration='none',
                    tail_light='vertical')
    return Solid(vehicle_mesh(white)), replace(view, shift=np.zeros(2), elevation=10.)


def test_azimuth_0_is_the_front_and_90_the_left_side(scene):
    """Red tail lights are in the image at the rear end only; from the left the rear is right."""
    vehicle, view = scene

    def red(azimuth):
        image = render_view(vehicle, replace(view, azimuth=azimuth), 64, seed=0).astype(int)
        # Indicators are orange: more green than blue.
        return (image[..., 0] > 1.5 * image[..., 1]) & (image[..., 1] < image[..., 2] + 15)
    assert red(0.).sum() == 0 and red(180.).sum() > 10
    assert np.nonzero(red(125.))[1].mean() > 32
    assert np.nonzero(red(-125.))[1].mean() < 32


def test_crop_contains_the_whole_vehicle(scene):
    """The white paint is in the middle of the crop and not at its border."""
    vehicle, view = scene
    light = replace(view.light, sun=np.array([0., -1., 0.]))
    for azimuth in (0., 60., 90., 200.):
        image = render_view(vehicle, replace(view, azimuth=azimuth, margin=1.2, light=light,
                                             ground=np.full(3, .05)), 64, seed=0)
        rows, columns = np.nonzero(image.min(2) > 130)
        extent = max(np.ptp(rows), np.ptp(columns)) + 1
        assert 64 / 1.2 - 12 < extent <= 64 / 1.2 + 1
        assert min(rows.min(), columns.min()) > 3 and max(rows.max(), columns.max()) < 60


def test_occluder_hides_a_part_of_the_vehicle_only():
    """Most red pixels of a red vehicle stay visible behind an occluder."""
    model = replace(sample_model(np.random.default_rng(1), .5, 0.), paint=(.7, .02, .02),
                    roof_paint=(.7, .02, .02), decoration='none')
    vehicle = Solid(vehicle_mesh(model))
    shares = []
    for view in views_of(1., count=60):
        if view.occluder is None or view.occluder.kind == 'cyclist':
            continue
        plain = replace(view, place=None, blur=0.)
        counts = []
        for shown in (plain, replace(plain, occluder=None)):
            image = render_view(vehicle, shown, 32, seed=0).astype(int)
            counts.append((image[..., 0] > 1.5 * image[..., 1:].max(2)).sum())
        shares.append(counts[0] / counts[1])
    assert len(shares) > 15
    assert min(shares) > .4 and np.mean(np.array(shares) < .98) > .5


@pytest.mark.parametrize('arguments, message', [
    (dict(num_models=7), '--models 7 .*two identities each.* 8 or more'),
    (dict(num_views=1), '--views 1 .* 2 or more'),
    (dict(size=16), r'--size 16 is not in 32\.\.1024'),
    (dict(difficulty=1.5), r'--difficulty 1\.5 is not in 0\.\.1')])
def test_impossible_sets_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        VehicleSet(**{**dict(num_models=8, num_views=2), **arguments})


def test_command_writes_a_set(run_tool, tmp_path):
    arguments = ['--out', tmp_path / 'set', '--models', 8, '--views', 2, '--size', 32,
                 '--difficulty', 'easy', '--seed', 2, '--workers', 1]
    code, printed = run_tool('create_data', 'vehicles', *arguments)
    assert code == 0, printed.err
    assert '8 identities (4 train, 2 val, 2 test), 2 views each' in printed.out
    assert len(list((tmp_path / 'set').glob('*/*/*.png'))) == 16
    code, printed = run_tool('create_data', 'vehicles', *arguments[:-4], '--seed', 3)
    assert code == 2 and printed.err.count('\n') == 1
    assert 'pass --overwrite' in printed.err


@pytest.mark.parametrize('option, value, message', [
    ('--models', 4, '--models 4 is too small'),
    ('--difficulty', 'extreme', "'extreme' is neither a number in 0..1 nor one of easy, medium, "
                                'hard'),
    ('--difficulty', 2, "'2' is neither a number"),
    ('--difficulty', 'nan', "'nan' is neither a number"),
    ('--seed', -1, '-1 is negative'), ('--workers', 0, '0 is not 1 or more')])
def test_command_names_the_wrong_option(run_tool, tmp_path, option, value, message):
    code, printed = run_tool('create_data', 'vehicles', '--out', tmp_path / 'set', option, value)
    assert code == 2
    assert message in printed.err and 'Traceback' not in printed.err
    assert not (tmp_path / 'set').exists()
