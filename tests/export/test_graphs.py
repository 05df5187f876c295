"""Exported files: parity with torch, boxes of known head outputs, shapes, dropped rows."""
import json

import numpy as np
import onnx
import pytest
import torch
from mmengine.dataset import pseudo_collate
from tiny_export import SIZE, file_inputs, frames
from tiny_training import TinyDLANet  # noqa: F401, registers the backbone

from mmdet3d_plugin import load_model
from mmdet3d_plugin.engine.config_files import read_config
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.export import FileFormat, export_onnx, graph_of, load_session
from mmdet3d_plugin.export.check import file_detections, torch_detections
from mmdet3d_plugin.export.parity import compare_detections
from mmdet3d_plugin.models.dense_heads.center_head_2d import DenseMaps
from mmdet3d_plugin.models.object_heads.depth_heads import SelectableDepths
from mmdet3d_plugin.models.object_heads.object_head_3d import ObjectPredictions

DETECTORS = ('monolss', 'monodle', 'gupnet', 'monocon', 'didm3d')


def tiny_model(name, **changes):
    """Build a detector of a few channels with peaks of different heights."""
    cfg = read_config(f'configs/{name}/{name}_dla34_synthetic.py')
    model = cfg.model
    model.backbone.type = 'TinyDLANet'
    model.neck.in_channels = (8, 16, 32, 64)
    model.dense_head.update(in_channels=8, hidden_channels=16)
    model.object_head.update(in_channels=8, hidden_channels=16)
    model.auxiliary = []
    model.test_cfg.update(max_detections=12, heatmap_threshold=.05, score_threshold=0.)
    model.update(changes)
    torch.manual_seed(0)
    detector = load_model(cfg, device='cpu')
    for part in detector.modules():  # the outputs start at almost the same value everywhere
        if isinstance(part, torch.nn.Conv2d) and part.kernel_size == (1, 1):
            torch.nn.init.normal_(part.weight, std=.1)
    torch.nn.init.normal_(detector.dense_head.heatmap[-1].weight, std=.4)
    return detector


def errors_of(model, session, samples, image_type='uint8'):
    """Return the errors of each image against ``model.test_step``."""
    with torch.no_grad():
        expected = model.test_step(pseudo_collate(samples))
    outputs = session.run(None, file_inputs(samples, image_type))
    return [compare_detections(torch_detections(sample), file_detections(*rows))
            for sample, *rows in zip(expected, *outputs)]


@pytest.fixture(scope='module')
def monolss():
    return tiny_model('monolss')


@pytest.fixture(scope='module')
def monolss_file(monolss, tmp_path_factory):
    path = tmp_path_factory.mktemp('onnx') / 'monolss.onnx'
    export_onnx(graph_of(monolss, SIZE), path, FileFormat(batch=None))
    return path


def assert_equal_detections(errors):
    for item in errors:
        assert item.compared >= 3 and item.within(1e-3, 1e-4), item
        assert item.pixels < .05


@pytest.mark.parametrize('name', DETECTORS[1:])
def test_files_detect_what_torch_detects(name, tmp_path):
    """With two cameras, crops and image sizes in one batch, suppressed boxes and calibration."""
    model = tiny_model(name, score_calibration=dict(type='PlattScaling'))
    model.score_calibration.scale[:] = torch.tensor([1., .8, 1.2])
    model.score_calibration.offset[:] = torch.tensor([0., .5, 1.])
    export_onnx(graph_of(model, SIZE), tmp_path / 'a.onnx', FileFormat(batch=2))
    assert_equal_detections(errors_of(model, load_session(tmp_path / 'a.onnx', 1), frames()))


def test_files_for_any_number_of_images(monolss, monolss_file):
    session = load_session(monolss_file, 1)
    samples = frames()
    assert_equal_detections(errors_of(monolss, session, samples))
    assert_equal_detections(errors_of(monolss, session, samples[1:]))
    assert_equal_detections(errors_of(monolss, session, [*samples, samples[0]]))


def test_files_of_the_released_geometry(tmp_path):
    """It follows from the affine of the whole image. Inputs are float32 here, and opset 20."""
    model = tiny_model('gupnet', reference=True)
    export_onnx(graph_of(model, SIZE), tmp_path / 'a.onnx', FileFormat(2, 20, 'float32'))
    session = load_session(tmp_path / 'a.onnx', 1)
    assert session.get_inputs()[0].type == 'tensor(float)'
    assert_equal_detections(errors_of(model, session, frames(whole=True), 'float32'))


def test_dropped_rows_are_zero_and_last(monolss, monolss_file):
    boxes, scores, labels, boxes_2d = load_session(monolss_file, 1).run(
        None, file_inputs(frames()))
    assert boxes.shape == (2, 12, 7) and boxes_2d.shape == (2, 12, 4)
    assert (np.diff(scores) <= 0).all()
    dropped = scores == 0
    assert 0 < dropped.sum() < 20
    assert (labels[dropped] == -1).all() and (labels[~dropped] >= 0).all()
    assert not boxes[dropped].any() and not boxes_2d[dropped].any()


def test_the_file_says_what_its_outputs_are(monolss_file):
    content = onnx.load(monolss_file)
    entries = {item.key: item.value for item in content.metadata_props}
    assert entries['task'] == 'detection'
    assert json.loads(entries['class_names']) == ['Pedestrian', 'Car', 'Cyclist']
    assert content.opset_import[0].version == 17
    shapes = {item.name: [size.dim_value or size.dim_param
                          for size in item.type.tensor_type.shape.dim]
              for item in (*content.graph.input, *content.graph.output)}
    assert shapes == dict(
        image=['batch', 3, 64, 160], intrinsics=['batch', 3, 4], affine=['batch', 3, 3],
        boxes=['batch', 12, 7], scores=['batch', 12], labels=['batch', 12],
        boxes_2d=['batch', 12, 4])


def test_no_shape_depends_on_the_data(monolss_file):
    kinds = {node.op_type for node in onnx.load(monolss_file).graph.node}
    assert not kinds & {'NonZero', 'NonMaxSuppression', 'Loop', 'If', 'Unique', 'Compress'}
    rois, = (node for node in onnx.load(monolss_file).graph.node if node.op_type == 'RoiAlign')
    settings = {item.name: onnx.helper.get_attribute_value(item) for item in rois.attribute}
    # torchvision's roi_align(aligned=False, sampling_ratio=-1)
    assert settings['coordinate_transformation_mode'] == b'output_half_pixel'
    assert settings['sampling_ratio'] == 0


class KnownMaps(torch.nn.Module):
    """Dense head with a car at column 20, row 9 of the first of two images, and no other peak.

    Its 2D box has 12 x 6 cells.
    """

    def __init__(self, head):
        super().__init__()
        self.find_peaks = head.find_peaks

    def forward(self, feature):
        plane = torch.zeros(2, 1, 16, 40)
        plane[0, 0, 9, 20] = 1.
        zero = torch.zeros_like(plane)
        return DenseMaps(torch.cat([zero, .8 * plane, zero], dim=1) + 0 * feature.mean(),
                         torch.cat([.25 * plane, .5 * plane], dim=1),
                         torch.cat([12 * plane, 6 * plane], dim=1))


class KnownObjects(torch.nn.Module):
    """3D head with a depth of 20 m at each location and a heading in bin 3 of 12."""

    def __init__(self, head):
        super().__init__()
        self.depth_head, self.heading_coder = head.depth_head, head.heading_coder

    def forward(self, feature, queries):
        ones = torch.ones_like(queries.boxes[:, :1])
        depth = SelectableDepths(20 * ones.expand(-1, 49), -20 * ones.expand(-1, 49),
                                 0 * ones.expand(-1, 49))
        bins = torch.nn.functional.one_hot(torch.tensor([3]), 12).float()
        return ObjectPredictions(
            depth, torch.tensor([[.1, -.2, .3]]) * ones, torch.tensor([[.5, -.25]]) * ones,
            bins * ones, .1 * ones.expand(-1, 12))


def test_a_known_head_output_becomes_a_known_box(monolss, tmp_path, monkeypatch):
    """The numbers follow from the docstrings of CenterCoder and HeadingBinCoder alone.

    The second image has no peaks, so all of its rows are dropped.
    """
    monkeypatch.setitem(monolss._modules, 'dense_head', KnownMaps(monolss.dense_head))
    monkeypatch.setitem(monolss._modules, 'object_head', KnownObjects(monolss.object_head))
    export_onnx(graph_of(monolss, SIZE), tmp_path / 'a.onnx', FileFormat(batch=2))
    # 700 pixels of focal length; the input shows the image at half its scale, 10 pixels lower.
    camera = np.float32([[[700., 0., 160., 0.], [0., 700., 50., 0.], [0., 0., 1., 0.]]] * 2)
    affine = np.float32([[[.5, 0., 0.], [0., .5, 10.], [0., 0., 1.]]] * 2)
    image = np.zeros((2, 3, 64, 160), np.uint8)
    boxes, scores, labels, boxes_2d = load_session(tmp_path / 'a.onnx', 1).run(
        None, dict(image=image, intrinsics=camera, affine=affine))
    # Centre of the 2D box: cells (20.25, 9.5), input pixels (81, 38), original pixels (162, 56).
    # Width 12 * 4 / 0.5 = 96, height 48.
    np.testing.assert_allclose(boxes_2d[0, 0], [114., 32., 210., 80.], atol=1e-4)
    # 3D centre: cells (20.5, 8.75), input pixels (82, 35), original pixels (164, 50).
    height, width, length = 1.52563191462 + .1, 1.62856739989 - .2, 3.88311640418 + .3
    x, y = 20 * (164 - 160) / 700, 20 * (50 - 50) / 700 + height / 2
    yaw = 3 * np.pi / 6 + .1 + np.arctan((162 - 160) / 700)
    np.testing.assert_allclose(boxes[0, 0], [x, y, 20., length, height, width, yaw], atol=1e-4)
    # 0.8 times exp(-exp(-10)), the certainty of a log-variance of -20
    assert scores[0, 0] == pytest.approx(.8 * np.exp(-np.exp(-10.)), abs=1e-6)
    assert labels[0].tolist() == [1] + [-1] * 11 and not scores[0, 1:].any()
    assert not boxes[1].any() and not scores[1].any() and (labels[1] == -1).all()


@pytest.mark.parametrize('count, message', [(0, '--top-k 0'), (1921, 'expected 1 to 1920')])
def test_more_detections_than_cells(monolss, count, message):
    monolss.test_cfg['max_detections'], kept = count, monolss.test_cfg['max_detections']
    try:
        with pytest.raises(InputError, match=message):  # 40 x 16 cells, 3 classes
            graph_of(monolss, SIZE)
    finally:
        monolss.test_cfg['max_detections'] = kept


@pytest.mark.parametrize('opset', [16, 21, 99])
def test_opsets_without_the_operations(opset):
    with pytest.raises(InputError, match=f'--opset {opset}: expected 17 to 20'):
        FileFormat(opset=opset)


def test_a_file_that_the_runtime_cannot_load(monolss_file, tmp_path):
    content = onnx.load(monolss_file)
    content.opset_import[0].version = 99
    onnx.save(content, tmp_path / 'new.onnx')
    with pytest.raises(InputError, match=r'new.onnx: ONNX Runtime [\d.]+ cannot load the file'):
        load_session(tmp_path / 'new.onnx')


def test_models_that_cannot_be_exported_are_named():
    with pytest.raises(InputError, match='Linear cannot be exported to ONNX; only CenterMono3D'):
        graph_of(torch.nn.Linear(1, 1), SIZE)
