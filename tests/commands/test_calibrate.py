"""The command ``tools/calibrate.py``."""
import numpy as np
import pytest
import torch
from mmdet3d.structures import CameraInstance3DBoxes, Det3DDataSample
from mmengine.config import Config
from mmengine.structures import InstanceData
from tiny_config import write_depth_config
from tiny_kitti import FRAMES, write_kitti
from tiny_training import assert_same, write_config

from mmdet3d_plugin import load_model
from mmdet3d_plugin.benchmarks.score_reliability import ScoredDetections
from mmdet3d_plugin.commands import calibrate
from mmdet3d_plugin.engine.config_files import read_config
from mmdet3d_plugin.engine.plain_config import parse_config
from mmdet3d_plugin.engine.trained_model import read_trained_model
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.task_modules import PlattScaling

OPTION = ['--cfg-options', 'model.score_calibration.type=PlattScaling']
BUFFERS = ['score_calibration.scale', 'score_calibration.offset']
CAR = 1  # label of the class


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path / 'run', write_kitti(tmp_path / 'kitti'))


@pytest.fixture
def write_checkpoint(config, tmp_path):
    """Return ``write_checkpoint(calibrated)``, which writes a checkpoint of a training."""
    def write(calibrated):
        cfg = read_config(str(config))
        cfg.model.score_calibration = dict(type='PlattScaling') if calibrated else None
        model = load_model(cfg, device='cpu')
        if calibrated:
            model.score_calibration.offset.fill_(3.)  # of an earlier fit
        path = tmp_path / 'epoch_1.pth'
        torch.save(dict(
            meta=dict(epoch=1, iter=2, time='20260101_000000', cfg=cfg.pretty_text),
            state_dict=model.state_dict(), optimizer=dict(state={0: torch.ones(2)}),
            sample_selection_warmup=dict(losses=[], selecting=True)), path)
        return path

    return write


@pytest.fixture
def detections(monkeypatch):
    """Let the validation frames have detections of cars and pedestrians.

    Cars have the scores 0.2 and 0.8. Of four cars each, one and three are true positives.
    """
    found = [ScoredDetections('Pedestrian', np.array([.3]), np.array([False])),
             ScoredDetections('Car', np.repeat([.2, .8], 4),
                              np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)),
             ScoredDetections('Cyclist', np.zeros(0), np.zeros(0, dtype=bool))]
    monkeypatch.setattr(calibrate, 'validation_detections', lambda model, cfg, overlap: (
        found if not model.training and model.score_calibration(
            torch.tensor([.2]), torch.tensor([CAR])) == .2 else []))


def test_only_the_calibration_of_a_checkpoint_changes(run_tool, config, write_checkpoint,
                                                      detections):
    path = write_checkpoint(calibrated=True)
    before = torch.load(path, weights_only=True)
    code, printed = run_tool('calibrate', config, path, '--out', path, '--device', 'cpu', *OPTION)
    assert code == 0, printed.err
    row = next(line.split() for line in printed.out.splitlines() if line.startswith('Car'))
    # Scores .2 and .8 for precisions of 1/4 and 3/4, and then 1/3 and 2/3, see
    # test_platt_scaling.py
    assert row[:4] == ['Car', '8', '4', '0.500'] and row[5:] == ['0.050', '0.083']
    assert 'Fitted on the validation frames' in printed.out
    cyclist = next(line.split() for line in printed.out.splitlines() if line.startswith('Cyclist'))
    assert cyclist == ['Cyclist', '0', '0', '1.000', '0.000', '–', '–']
    after = torch.load(path, weights_only=True)
    scale, offset = (after['state_dict'][name] for name in BUFFERS)
    torch.testing.assert_close(scale, torch.tensor([1., .5, 1.]), atol=1e-3, rtol=0)
    torch.testing.assert_close(offset, torch.zeros(3), atol=1e-3, rtol=0)
    for name in BUFFERS:
        del before['state_dict'][name], after['state_dict'][name]
    assert_same(before, after)


def test_a_calibrated_checkpoint_predicts_without_options(run_tool, config, write_checkpoint,
                                                          tmp_path, detections):
    """The training had no calibration, so the config in the checkpoint gets the option."""
    path = write_checkpoint(calibrated=False)
    out = tmp_path / 'new/calibrated.pth'
    code, printed = run_tool('calibrate', config, path, '--out', out, '--device', 'cpu', *OPTION)
    assert code == 0, printed.err
    before, after = (torch.load(file, weights_only=True) for file in (path, out))
    assert after['state_dict'].keys() - before['state_dict'].keys() == set(BUFFERS)
    model = read_trained_model(out).build()
    assert model.score_calibration.scale[CAR] == pytest.approx(.5, abs=1e-3)
    for content in (before, after):
        del content['meta']['cfg']
    for name in BUFFERS:
        del after['state_dict'][name]
    assert_same(before, after)


def test_a_work_dir_stands_for_its_last_checkpoint(run_tool, config, write_checkpoint, tmp_path,
                                                   detections):
    path = write_checkpoint(calibrated=True)
    (tmp_path / 'last_checkpoint').write_text(f'/moved/since/{path.name}')
    outs = tmp_path / 'a.pth', tmp_path / 'b.pth'
    for checkpoint, out in zip((path, tmp_path), outs):
        code, printed = run_tool('calibrate', config, checkpoint, '--out', out, '--device', 'cpu',
                                 *OPTION)
        assert code == 0, printed.err
    assert_same(*(torch.load(out, weights_only=True) for out in outs))


def test_no_weights_are_initialised(run_tool, config, write_checkpoint, tmp_path, detections,
                                    monkeypatch):
    """The checkpoint holds all weights, and initialisation may warn of random ones."""
    path = write_checkpoint(calibrated=True)
    monkeypatch.setattr('mmengine.model.BaseModule.init_weights',
                        lambda module: pytest.fail('weights are initialised'))
    code, printed = run_tool('calibrate', config, path, '--out', tmp_path / 'out.pth', '--device',
                             'cpu', *OPTION)
    assert code == 0, printed.err


class FakeDetector(torch.nn.Module):
    """Detector of the cars of the tiny set, and of a false car in every frame."""

    label = CAR

    def test_step(self, batch):
        samples = []
        for sample in batch['data_samples']:
            rows = [[x, y, z, 3.9, 1.5, 1.6, yaw] for name, x, y, z, yaw in FRAMES[sample.frame]
                    if name == 'Car'] + [[0., 1.6, 60., 3.9, 1.5, 1.6, 0.]]
            boxes = CameraInstance3DBoxes(torch.tensor(rows))
            scores = torch.tensor([.7] * (len(rows) - 1) + [.1])
            samples.append(Det3DDataSample(
                metainfo=sample.metainfo, eval_ann_info=sample.eval_ann_info,
                pred_instances_3d=InstanceData(
                    bboxes_3d=boxes, scores_3d=scores,
                    labels_3d=torch.full((len(rows), ), self.label))))
        return samples


def test_detections_are_matched_to_the_labels_of_the_validation_frames(config):
    results = calibrate.validation_detections(FakeDetector(), read_config(str(config)), 'strict')
    assert [result.class_name for result in results] == ['Pedestrian', 'Car', 'Cyclist']
    cars = sum(row[0] == 'Car' for rows in FRAMES.values() for row in rows)
    assert results[CAR].scores[results[CAR].true_positives].tolist() == pytest.approx([.7] * cars)
    # The false cars at 60 m are smaller than 25 pixels, so they are ignored.
    assert len(results[CAR].scores) == cars and not len(results[0].scores)


def test_without_true_positives_there_is_nothing_to_fit(config):
    detector = FakeDetector()
    detector.label = 0
    with pytest.raises(InputError, match='no detection of the .* at the loose overlap'):
        calibrate.validation_detections(detector, read_config(str(config)), 'loose')


def test_a_calibration_inside_auxiliary_supervision_is_found():
    content = dict(state_dict=dict(weight=torch.ones(1)), meta=dict(cfg=Config(dict(
        model=dict(type='AuxiliarySupervision', detector=dict(type='CenterMono3D')))).pretty_text))
    calibrate.reset_calibration(content, 'detector.score_calibration.', PlattScaling(2), 'a.pth')
    assert content['state_dict']['detector.score_calibration.scale'].tolist() == [1, 1]
    model = parse_config(content['meta']['cfg'], 'a.pth').model
    assert model.detector.score_calibration == dict(type='PlattScaling')


@pytest.mark.parametrize('extra, options, expected', [
    ('', ['--cfg-options', 'model.score_calibration=None'],
     "tiny.py: the model has no Platt scaling; add score_calibration=dict(type="),
    ('', ['--cfg-options', 'model.score_calibration.type=PlatScaling'],
     "score_calibration has the type 'PlatScaling', expected 'PlattScaling'"),
    ('val_dataloader = val_evaluator = val_cfg = None', OPTION, 'has no val_dataloader'),
    ('', [*OPTION, 'model.test_cfg.heatmap_threshold=2.'], 'no detections in the validation'),
    ('', [*OPTION, 'val_dataloader.dataset.ann_file=ImageSets/empty.txt'], 'have no labels of'),
])
def test_errors_are_one_line(run_tool, config, write_checkpoint, tmp_path, extra, options,
                             expected):
    config.write_text(f'{config.read_text()}\n{extra}\n')
    (tmp_path / 'kitti/ImageSets/empty.txt').write_text('000012\n')
    path = write_checkpoint(calibrated=False)
    code, printed = run_tool('calibrate', config, path, '--out', tmp_path / 'new/out.pth',
                             '--device', 'cpu', *options)
    assert code == 2 and not (tmp_path / 'new').exists()
    assert expected in printed.err.splitlines()[-1], printed.err


def test_other_models_and_outputs_are_refused(run_tool, tmp_path):
    config = write_depth_config(tmp_path, tmp_path)
    code, printed = run_tool('calibrate', config, 'a.pth', '--out', tmp_path / 'out.pth')
    assert code == 2 and 'DepthEstimator detects no objects' in printed.err
    code, printed = run_tool('calibrate', config, 'a.pth', '--out', tmp_path / 'out')
    assert code == 2 and 'expected a name that ends with .pth or .pt' in printed.err
