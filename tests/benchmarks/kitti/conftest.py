"""Random KITTI frames in which every rule of the evaluation applies."""
import numpy as np
import pytest

from mmdet3d_plugin.structures.object_table import ObjectTable

LABEL_NAMES = ('Car', 'Car', 'car', 'Van', 'Pedestrian', 'Person_sitting', 'Cyclist', 'Truck',
               'DontCare')
DETECTION_NAMES = ('Car', 'Car', 'Pedestrian', 'Cyclist', 'cyclist', 'Van')
SIZES = {'Car': (1.5, 1.6, 3.9), 'Van': (2., 1.9, 4.5), 'Truck': (3., 2.5, 9.)}


def make_labels(rng, count, names=LABEL_NAMES):
    """Labels close together, so that their boxes overlap in the image and in space."""
    names = rng.choice(names, count)
    height = rng.choice([20., 25., 25.01, 30., 40., 40.01, 80.], count)
    corner = rng.uniform(0, 60, (count, 2))
    rows = np.zeros((count, 14))
    rows[:, 0] = rng.choice([0., .15, .3, .31, .5, .8], count)
    rows[:, 1] = rng.integers(0, 4, count)
    rows[:, 2] = rng.uniform(-3, 3, count)
    rows[:, 3:7] = np.column_stack([corner, corner + np.column_stack([1.5 * height, height])])
    rows[:, 7:10] = np.reshape(
        [SIZES.get(name.capitalize(), (1.7, .7, 1.5)) for name in names], (count, 3))
    rows[:, 10:13] = rng.uniform([-3, 1.5, 10], [3, 1.8, 16], (count, 3))
    rows[:, 13] = rng.uniform(-3, 3, count)
    ignored = np.char.lower(names) == 'dontcare'
    rows[ignored, :3] = -1, -1, -10
    rows[ignored, 7:] = -1, -1, -1, -1000, -1000, -1000, -10
    return ObjectTable.from_table(names, rows.round(2))


def make_detections(rng, labels, count, decimals=1):
    """Copies of the labels with noise: some of another class, some exact, some twice.

    Scores have this number of decimals; few decimals give many equal scores.
    """
    rows = np.zeros((count, 15))
    sources = make_labels(rng, count, LABEL_NAMES[:-1])
    if len(labels):
        picked = labels[rng.integers(0, len(labels), count)]
        use = (rng.random(count) < .8) & (np.char.lower(picked.names) != 'dontcare')
    else:
        picked, use = sources, np.zeros(count, dtype=bool)
    for start, column in ((2, 'alphas'), (3, 'boxes_2d'), (7, 'sizes_hwl'), (10, 'locations'),
                          (13, 'rotations_y')):
        values = np.column_stack([getattr(picked, column)]), np.column_stack(
            [getattr(sources, column)])
        rows[:, start:start + values[0].shape[1]] = np.where(use[:, None], *values)
    noise = rng.choice([0., .02, .1, .3], (count, 1))
    rows[:, 2:14] += noise * rng.normal(size=(count, 12)) * ([1] + [10] * 4 + [.3] * 3 + [1] * 4)
    rows[:, 7:10] = np.abs(rows[:, 7:10])
    boxes = rows[:, 3:7].copy()
    rows[:, 3:5] = np.minimum(boxes[:, :2], boxes[:, 2:])
    rows[:, 5:7] = np.maximum(boxes[:, :2], boxes[:, 2:])
    rows[:, :2] = -1
    names = np.where(use & (rng.random(count) < .8), picked.names,
                     rng.choice(DETECTION_NAMES, count))
    rows = rows.round(2)
    rows[:, 14] = (rng.random(count) * .8 + .2 * (noise[:, 0] == 0)).round(decimals)
    twin = np.arange(count) - (rng.random(count) < .1) * (np.arange(count) > 0)
    return ObjectTable.from_table(names[twin], rows[twin])


@pytest.fixture
def random_frames():
    """Function that returns labels and detections of random frames, two lists.

    ``labels`` and ``detections`` are the largest numbers per frame. Every sixth frame has no
    labels, no detections, neither, or only DontCare regions.
    """
    def make(seed, frames=20, labels=12, detections=20, decimals=1):
        rng = np.random.default_rng(seed)
        truths, found = [], []
        for frame in range(frames):
            special = frame // 6 % 4 if frame % 6 == 5 else None
            names = ('DontCare', 'dontcare') if special == 3 else LABEL_NAMES
            count = 0 if special in (0, 2) else rng.integers(1, labels + 1)
            truth = make_labels(rng, count, names)
            truths.append(truth)
            found.append(make_detections(
                rng, truth, 0 if special in (1, 2) else rng.integers(1, detections + 1), decimals))
        return truths, found
    return make


@pytest.fixture
def float_errors_raise():
    """Make overflow, division by zero and invalid values in numpy raise errors."""
    with np.errstate(over='raise', divide='raise', invalid='raise'):
        yield
