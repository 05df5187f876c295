"""CustomMonoDataset: samples, ground truth of the metric, and broken frames."""
import json

import numpy as np
import pytest
from PIL import Image

from mmdet3d_plugin.datasets import CustomMonoDataset
from mmdet3d_plugin.errors import InputError

SIZE = dict(length=2.9, height=2.1, width=1.2)
OBJECT = {'class': 'forklift', 'center': [1, .45, 9], 'size': SIZE, 'yaw': .5}


@pytest.fixture
def root(tmp_path):
    frames = []
    for index, name in enumerate(('a/0', 'a/1', 'b/0')):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new('RGB', (96 + index, 54)).save(tmp_path / f'{name}.jpg')
        frames.append(dict(image=f'{name}.jpg', objects=[OBJECT] * index))
    content = dict(camera=[[80, 0, 48, 8], [0, 80, 27, 0], [0, 0, 1, 0]], frames=frames)
    (tmp_path / 'train.json').write_text(json.dumps(content))
    return tmp_path


def make(root, classes=('Pallet', 'Forklift'), **options):
    return CustomMonoDataset(str(root), 'train.json', metainfo=dict(classes=list(classes)),
                             filter_empty_gt=False,
                             pipeline=[], **options)


def test_samples(root):
    dataset = make(root)
    info = dataset.get_data_info(2)
    assert info['frame'] == 'b/0' and info['img_path'].endswith('b/0.jpg')
    assert (info['images']['CAM2']['width'], info['images']['CAM2']['height']) == (98, 54)
    np.testing.assert_array_equal(info['cam2img'][:3],
                                  [[80, 0, 48, 8], [0, 80, 27, 0], [0, 0, 1, 0]])
    annotations = info['ann_info']
    assert annotations['gt_labels_3d'].tolist() == [1, 1]
    np.testing.assert_allclose(annotations['gt_bboxes_3d'].tensor[0],
                               [1, 1.5, 9, 2.9, 2.1, 1.2, .5], rtol=1e-6)
    # 80 * 1 / 9 + 8 / 9 + 48 and 80 * .45 / 9 + 27
    np.testing.assert_allclose(annotations['centers_2d'][0], [57.7778, 31.], rtol=1e-5)
    assert len(dataset.get_data_info(0)['ann_info']['gt_labels_3d']) == 0


def test_ground_truth_of_the_metric(root):
    info = make(root, ['Vehicle'], test_mode=True,
                class_map=dict(Forklift='Vehicle')).get_data_info(1)
    table = info['eval_ann_info']['object_table']
    assert table.names.tolist() == ['Vehicle'] and table.locations.tolist() == [[1, 1.5, 9]]


def test_broken_frames_stop_or_are_skipped(root):
    (root / 'a/1.jpg').unlink()
    with pytest.raises(InputError, match=r'train.json: frame 1 \(a/1.jpg\): its image .* does not '
                       'exist; add the image'):
        make(root)
    dataset = make(root, on_error='skip')
    assert [dataset.get_data_info(index)['frame'] for index in range(len(dataset))] == [
        'a/0', 'b/0']
    assert list(dataset.skipped) == ['a/1']
