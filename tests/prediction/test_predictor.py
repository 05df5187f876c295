"""``Predictor``: the same results as a test, without dataset and runner."""
import json
import logging
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tiny_embedding
import torch
from mmdet3d.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from tiny_kitti import write_kitti
from tiny_predictor import (
    CAMERA,
    ROOT,
    TRAINING_CAMERA,
    picture,
    tiny_config,
    tiny_model,
    write_checkpoint,
)

from mmdet3d_plugin import Predictor, load_model
from mmdet3d_plugin.benchmarks.depth.map_files import read_depth_map
from mmdet3d_plugin.benchmarks.kitti.labels import read_objects
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.evaluation.prediction_conversion import predictions_to_table
from mmdet3d_plugin.prediction import Camera
from mmdet3d_plugin.prediction import predictor as predictor_module
from mmdet3d_plugin.prediction.predictor import Picture


@pytest.fixture(scope='module')
def predictor():
    return Predictor(tiny_model(), 'cpu', score_threshold=0.)


@pytest.fixture
def warnings():
    """Warnings of the log."""
    records, handler = [], logging.Handler(logging.WARNING)
    logger = MMLogger.get_current_instance()
    handler.emit = lambda record: records.append(record.getMessage())
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)


def same(first, second, tolerance=0.):
    np.testing.assert_allclose(first.boxes_3d, second.boxes_3d, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(first.boxes_2d, second.boxes_2d, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(first.scores, second.scores, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(first.labels, second.labels)


def test_results_are_those_of_a_test(tmp_path):
    """Frames of two cameras through dataset, pipeline and model."""
    root = write_kitti(tmp_path / 'kitti')
    model = tiny_model()
    settings = model.cfg.test_dataloader.dataset.copy()
    settings.update(data_root=str(root), ann_file='ImageSets/val.txt')
    dataset = DATASETS.build(settings)
    predictor = Predictor(model, 'cpu', correct_focal=False, score_threshold=0.)
    for index in (0, 3):
        with torch.no_grad():
            sample = model.test_step(pseudo_collate([dataset[index]]))[0]
        expected = predictions_to_table(sample.to_dict(), model.coder.class_names)
        prediction, = predictor(root / f'training/image_2/{sample.frame}.png',
                                root / f'training/calib/{sample.frame}.txt')
        assert len(expected) > 10 and prediction.name == sample.frame
        np.testing.assert_array_equal(prediction.objects.locations, expected.locations)
        np.testing.assert_array_equal(prediction.boxes_2d, expected.boxes_2d)
        np.testing.assert_array_equal(prediction.scores, expected.scores)
        assert prediction.objects.names.tolist() == expected.names.tolist()


def test_batches_of_pictures_of_several_sizes(predictor):
    pictures = [picture(0), picture(1, (400, 300)), picture(2)]
    together = predictor(pictures, fov=80, batch_size=2)
    assert [item.name for item in together] == ['000000', '000001', '000002']
    for image, prediction in zip(pictures, together):
        alone, = predictor(image, fov=80)
        same(prediction, alone, 1e-4)
        np.testing.assert_array_equal(prediction.image, image)


def test_a_stream_reads_one_batch_at_a_time(predictor):
    read = []

    def frames():
        for index in range(4):
            read.append(index)
            yield picture(index)

    stream = predictor.stream(frames(), fov=80, batch_size=2)
    next(stream)
    assert read == [0, 1]
    with pytest.raises(InputError, match='batch_size=0: expected 1 or more'):
        predictor.stream(frames(), fov=80, batch_size=0)
    with pytest.raises(InputError, match='no camera given'):
        predictor.stream(frames())


def test_a_call_reads_and_writes_no_files(predictor, monkeypatch):
    predictor(picture(), CAMERA)

    def refuse(*args, **kwargs):
        raise AssertionError('a file is opened')

    monkeypatch.setattr('builtins.open', refuse)
    monkeypatch.setattr('os.open', refuse)
    predictor(picture(), CAMERA)


def test_members_of_a_prediction(predictor):
    prediction, = predictor(picture(), CAMERA)
    count = len(prediction)
    assert count > 10 and prediction.boxes_3d.shape == (count, 7)
    assert (np.diff(prediction.scores) <= 0).all() and prediction.depth is None
    np.testing.assert_allclose(prediction.centers[:, 1],
                               prediction.boxes_3d[:, 1] - prediction.boxes_3d[:, 4] / 2)
    assert prediction.class_names == ('Pedestrian', 'Car', 'Cyclist')
    names = [prediction.class_names[label] for label in prediction.labels]
    assert names == prediction.objects.names.tolist()
    assert f'{names.count("Car")} Car' in repr(prediction)


def test_saved_files(predictor, tmp_path):
    prediction, = predictor(picture(), CAMERA)
    for name in ('a.json', 'a.txt', 'a.png', 'a.jpg'):
        prediction.save(tmp_path / name)
    entries = json.loads((tmp_path / 'a.json').read_text())
    assert entries == json.loads(json.dumps(prediction.to_dict()))
    assert entries['camera'] == CAMERA and (entries['width'], entries['height']) == (620, 186)
    first = entries['objects'][0]
    size = first['size']
    np.testing.assert_allclose(
        [*first['bottom_center'], size['length'], size['height'], size['width'], first['yaw']],
        prediction.boxes_3d[0], atol=1e-4)
    np.testing.assert_allclose(first['center'], prediction.centers[0], atol=1e-4)
    assert first['class'] == prediction.class_names[first['label']]
    read = read_objects(tmp_path / 'a.txt', with_scores=True)
    np.testing.assert_allclose(read.locations, prediction.objects.locations, atol=.0051)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'a.png')), prediction.plot())
    for name in ('a.npy', 'a.gif'):
        with pytest.raises(InputError, match=f'{name}: cannot save in this format; use .json, .p'):
            prediction.save(tmp_path / name)


def test_scores_below_the_threshold_are_left_out(predictor):
    scores = predictor(picture(), CAMERA)[0].scores
    threshold = float(scores[4])
    few, = Predictor(predictor.model, 'cpu', score_threshold=threshold)(picture(), CAMERA)
    assert few.scores.tolist() == scores[scores >= threshold].tolist() and len(few.scores) > 4


def test_a_checkpoint_names_no_config(predictor, tmp_path, warnings):
    model = tiny_model()
    path = write_checkpoint(tmp_path / 'a.pth', model)
    loaded = Predictor(path, 'cpu', score_threshold=0.)
    assert loaded.training_camera.focal_length == TRAINING_CAMERA['focal_length']
    same(loaded(picture(), CAMERA)[0], predictor(picture(), CAMERA)[0])
    assert not warnings
    # The work dir of a training: its last checkpoint, also after the folder was moved.
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/run/a.pth')
    assert Predictor(tmp_path, 'cpu').class_names == predictor.class_names


def test_weights_without_config(tmp_path, warnings):
    model = tiny_model()
    torch.save(model.state_dict(), tmp_path / 'a.pth')
    with pytest.raises(InputError, match='a.pth: holds no config; name the config'):
        Predictor(tmp_path / 'a.pth')
    cfg = tiny_config()
    cfg._cfg_dict.pop('training_camera')
    predictor = Predictor(tmp_path / 'a.pth', 'cpu', config=cfg)
    assert predictor(picture(), CAMERA)[0].focal_correction is None
    predictor(picture(), CAMERA)
    told, = (line for line in warnings if 'does not say the focal length' in line)
    assert 'training_camera' in told
    with pytest.raises(InputError, match='a.pth: the checkpoint of another model'):
        Predictor(tmp_path / 'a.pth', 'cpu', config=tiny_config('gupnet'))


def test_a_guessed_camera_is_told(predictor, warnings):
    predictor([picture(), picture(1)], focal='auto')
    told, = warnings
    assert '000000: the focal length is a guess, 496 pixels' in told  # 0.8 x 620


def test_hidden_pixels_are_told_once_per_size(predictor, warnings):
    square = picture(0, (200, 200))
    predictor([picture(), square, square, picture(0, (200, 102))], fov=80)
    told, = warnings  # inputs of 128x64 show 100 of 200 rows
    assert ('000001: inputs of 128x64 do not show 50 % of the pixels of images of 200x200, and '
            "objects there are not found, since CropScaleAffine has fit='width'") in told


def test_a_stride_that_is_unknown(warnings, monkeypatch):
    monkeypatch.setattr(predictor_module, 'input_zoom', lambda meta, stride: None)
    prediction, = Predictor(tiny_model(), 'cpu')(picture(), CAMERA)
    assert prediction.focal_correction is None
    told, = warnings
    assert 'model: depth is not corrected for the focal length, since' in told


@pytest.mark.parametrize('model, options, message', [
    ('nothing.pth', {}, 'nothing.pth: no such checkpoint'),
    ('configs/monodle/monodle_dla34_synthetic.py', {}, 'is a config, which has no weights'),
    ('tests', {}, 'tests: neither a model folder .* nor the work dir')])
def test_models_that_cannot_be_read(monkeypatch, model, options, message):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match=message):
        Predictor(model, **options)


@pytest.mark.parametrize('device', ['gpu', 'cuda:77'])
def test_devices_that_do_not_exist(device):
    with pytest.raises(InputError, match=f"device '{device}': cannot be used"):
        Predictor(tiny_model(), device)


def test_embedders_are_refused():
    model = tiny_embedding.build_embedder()
    model.cfg = Config(dict(model=dict(type='Embedder'),
                            test_pipeline=[dict(type='LoadImageMono3D')]))
    with pytest.raises(InputError, match='embeds images; Predictor needs a detector or'):
        Predictor(model, 'cpu')


def test_a_pipeline_without_an_image(predictor):
    model = tiny_model()
    model.cfg.test_dataloader.dataset.pipeline = [dict(type='PackMono3DInputs')]
    with pytest.raises(InputError, match='test_pipeline: has no LoadImageMono3D'):
        Predictor(model, 'cpu')


def depth_model(tmp_path):
    from tiny_config import write_depth_config
    torch.manual_seed(0)
    return load_model(write_depth_config(tmp_path, tmp_path), device='cpu')


def test_dense_depth(tmp_path):
    predictor = Predictor(depth_model(tmp_path), 'cpu', training_camera=TRAINING_CAMERA)
    one, = predictor(picture(), focal=360.)
    two, = predictor(picture(), focal=720.)
    assert one.depth.shape == (186, 620) and one.depth.dtype == np.float32
    np.testing.assert_allclose(two.depth, 2 * one.depth, rtol=1e-5)
    entry = one.to_dict()
    assert 'objects' not in entry and 1 <= entry['depth']['min'] <= entry['depth']['max'] <= 80
    one.save(tmp_path / 'a.npy')
    np.testing.assert_array_equal(np.load(tmp_path / 'a.npy'), one.depth)
    one.save_kitti(tmp_path)
    np.testing.assert_allclose(read_depth_map(tmp_path / '000000.png'), one.depth, atol=1 / 500)
    assert one.plot().ndim == 3
    with pytest.raises(InputError, match='its predictions have no boxes; use depth'):
        one.boxes_3d


def test_depth_from_clips_predicts_for_single_pictures(tmp_path, tiny_clips):
    from tiny_config import write_clip_config
    model = load_model(write_clip_config(tmp_path, tiny_clips), device='cpu')
    prediction, = Predictor(model, 'cpu', training_camera=TRAINING_CAMERA)(picture(), focal=360.)
    assert prediction.depth.shape == (186, 620) and (prediction.depth > 0).all()


def test_detectors_of_mmdet3d(predictor):
    """SMOKE has neither 2D boxes nor observation angles."""
    cfg = Config.fromfile(ROOT / 'configs/smoke/smoke_dla34_synthetic-demo.py')
    cfg.test_dataloader.dataset.pipeline[1].input_size = (128, 64)
    cfg.training_camera = TRAINING_CAMERA
    torch.manual_seed(0)
    model = load_model(cfg, device='cpu')
    torch.nn.init.zeros_(model.bbox_head.conv_cls.bias)  # scores of about 0.5
    smoke = Predictor(model, 'cpu', score_threshold=-1.)
    near, far = (smoke(picture(), focal=focal)[0] for focal in (360., 720.))
    assert len(near) > 5
    np.testing.assert_allclose(far.centers[:, 2], 2 * near.centers[:, 2], rtol=1e-4)


def test_inputs_of_mmdet3d(tmp_path):
    """A picture of twice the size and twice the focal length gives the same depths."""
    cfg = tiny_config()
    cfg.test_dataloader.dataset.pipeline = [
        dict(type='LoadImageMono3D'), dict(type='AffineResize', img_scale=(128, 64), down_ratio=4),
        dict(type='Pack3DDetInputs', keys=['img'])]
    predictor = Predictor(load_model(cfg, device='cpu'), 'cpu', training_camera=TRAINING_CAMERA)
    ratios = []
    for scale in (1, 2):
        image = picture(0, (620 * scale, 186 * scale))
        camera = Camera.from_focal(720. * scale, (620 * scale, 186 * scale))
        sample = predictor.sample(Picture('a', image, camera))['data_samples']
        ratios.append(predictor._correction.apply(sample))
    assert ratios == pytest.approx([2, 2])


def test_import_of_the_package_is_cheap():
    code = ('import mmdet3d_plugin, sys\n'
            'assert "Predictor" in mmdet3d_plugin.__all__\n'
            'sys.exit(any(name in sys.modules for name in ("torch", "mmengine", "cv2")))')
    assert subprocess.run([sys.executable, '-c', code], cwd=ROOT).returncode == 0


def test_inferencer_of_mmdet3d(predictor, tmp_path):
    """mmdet3d's own inferencer, with a config and a checkpoint of this project."""
    from mmdet3d.apis import MonoDet3DInferencer
    root = write_kitti(tmp_path / 'kitti')
    cfg = tiny_config()
    cfg.test_dataloader.dataset.data_root = str(root)
    cfg.custom_imports.imports.append('tiny_training')
    cfg.dump(tmp_path / 'tiny.py')
    weights = write_checkpoint(tmp_path / 'a.pth', predictor.model)
    infos = dict(data_list=[dict(images=dict(CAM2=dict(
        img_path='000000.png', cam2img=[*CAMERA, [0, 0, 0, 1]], lidar2cam=np.eye(4).tolist())))])
    (tmp_path / 'infos.json').write_text(json.dumps(infos))
    inferencer = MonoDet3DInferencer(str(tmp_path / 'tiny.py'), str(weights), device='cpu')
    inferencer.show_progress = False
    cv2.imwrite(str(tmp_path / '000000.png'), picture())
    answer = inferencer(dict(img=str(tmp_path / '000000.png'), infos=str(tmp_path / 'infos.json')))
    found, = answer['predictions']
    plain = Predictor(predictor.model, 'cpu', correct_focal=False, score_threshold=0.)
    expected, = plain(picture(), np.array(CAMERA, np.float32))
    np.testing.assert_allclose(found['bboxes_3d'], expected.boxes_3d, rtol=1e-4, atol=1e-4)
    assert found['labels_3d'] == expected.labels.tolist()
