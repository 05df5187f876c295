"""The command ``tools/export.py``."""
import numpy as np
import onnx
import pytest
import torch
from tiny_config import ROOT, write_depth_config
from tiny_depth import write_image
from tiny_training import TinyDLANet  # noqa: F401, registers the backbone

from mmdet3d_plugin import load_model
from mmdet3d_plugin.commands.export import failure_of, table
from mmdet3d_plugin.export.check import Row, frame_of_image, median_milliseconds, rendered_frames
from mmdet3d_plugin.export.parity import Errors

DETECTOR = """
_base_ = '{root}/configs/monodle/monodle_dla34_synthetic.py'
test_pipeline = _base_.test_pipeline
test_pipeline[1]['input_size'] = (160, 64)
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
model = dict(backbone=dict(type='TinyDLANet'), neck=dict(in_channels=(8, 16, 32, 64)),
             dense_head=dict(in_channels=8, hidden_channels=16),
             object_head=dict(in_channels=8, hidden_channels=16),
             test_cfg=dict(heatmap_threshold=0.))
"""


def save_random(config, path):
    torch.manual_seed(0)
    model = load_model(str(config), device='cpu')
    if hasattr(model, 'dense_head'):  # peaks of different heights
        torch.nn.init.normal_(model.dense_head.heatmap[-1].weight, std=.4)
    torch.save(dict(state_dict=model.state_dict()), path)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Folder with configs, checkpoints and images of a detector and of a depth estimator."""
    folder = tmp_path_factory.mktemp('trained')
    (folder / 'detector.py').write_text(DETECTOR.format(root=ROOT))
    write_depth_config(folder, folder, 'depth.py')
    for name in ('detector', 'depth'):
        save_random(folder / f'{name}.py', folder / f'{name}.pth')
    for index in range(3):
        write_image(folder / f'images/{index}.png', (310, 94), index)
    return folder


def arguments(folder, name, out, *more):
    return ['onnx', folder / f'{name}.pth', out, '--config', folder / f'{name}.py', *more]


def test_a_checked_file_with_half_weights(run_tool, trained, tmp_path):
    """Three images in batches of two. Half weights have errors above the tolerance of fp32."""
    out = tmp_path / 'a.onnx'
    code, printed = run_tool('export', *arguments(
        trained, 'detector', out, '--batch', 2, '--top-k', 7, '--weights', 'fp16', '--check',
        trained / 'images'))
    assert code == 0 and f'{out}: image, intrinsics, affine -> boxes, scores' in printed.out
    rows = {line.split()[0]: line.split()[1:] for line in printed.out.splitlines()
            if line.startswith(('fp32', 'fp16', 'torch'))}
    assert list(rows) == ['fp32', 'fp16', 'torch']
    # Seven detections of each of four images at most: the last batch repeats an image.
    assert 4 <= int(rows['fp32'][1]) <= 28 and rows['fp32'][2] == '0'
    assert float(rows['fp32'][3]) < 1e-3 < float(rows['fp16'][3])
    assert float(rows['fp16'][0]) < float(rows['fp32'][0])
    content = onnx.load(out)
    assert [size.dim_value for size in content.graph.output[0].type.tensor_type.shape.dim] == [
        2, 7, 7]
    assert any(item.data_type == onnx.TensorProto.FLOAT16 for item in content.graph.initializer)


def test_a_file_that_fails_the_check_is_not_written(run_tool, trained, tmp_path):
    (tmp_path / 'a.onnx').write_text('old')
    code, printed = run_tool('export', *arguments(
        trained, 'depth', tmp_path / 'a.onnx', '--tolerance', 1e-12, 1e-12, '--check',
        trained / 'images/0.png'))
    assert code == 1 and 'a.onnx: not written, the errors exceed the tolerance' in printed.err
    assert (tmp_path / 'a.onnx').read_text() == 'old'
    assert [path.name for path in tmp_path.iterdir()] == ['a.onnx']


@pytest.mark.parametrize('out, options, message', [
    ('a.pt', [], 'a.pt: OUT has to end with .onnx'),
    ('no/a.onnx', [], 'no: no such folder; create it'),
    ('a.onnx', ['--opset', '99'], '--opset 99: expected 17 to 20'),
    ('a.onnx', ['--input-size', '64x32'], '--input-size 64x32: the test pipeline makes inputs'),
    ('a.onnx', ['--top-k', '2000'], '--top-k 2000: expected 1 to 1920'),
    ('a.onnx', ['--check', 'no.png'], 'no.png'),
    ('a.onnx', ['--batch', 'many'], "invalid integer or 'dynamic' value: 'many'"),
])
def test_wrong_options(run_tool, trained, tmp_path, monkeypatch, out, options, message):
    monkeypatch.setattr('mmdet3d_plugin.export.export_onnx', lambda *arguments: None)
    code, printed = run_tool('export', *arguments(trained, 'detector', tmp_path / out, *options))
    assert code == 2 and message in printed.err
    assert printed.err.count('\n') == 1 or 'usage' in printed.err
    assert not (tmp_path / out).exists()


def test_options_that_do_not_fit_the_model(run_tool, trained, tmp_path):
    code, printed = run_tool('export', *arguments(trained, 'depth', tmp_path / 'a.onnx',
                                                  '--top-k', 5))
    assert code == 2 and '--top-k 5: DepthEstimator detects no objects' in printed.err
    code, printed = run_tool('export', 'onnx', trained / 'depth.pth', tmp_path / 'a.onnx',
                             '--config', trained / 'detector.py')
    assert code == 2 and 'depth.pth: the checkpoint of another model' in printed.err


def test_a_pipeline_that_keeps_the_size_of_images(run_tool, trained, tmp_path):
    """Then the size of the input has to be given, and images of other sizes are refused."""
    config = tmp_path / 'keep.py'
    config.write_text(f"_base_ = '{trained}/depth.py'\n"
                      "pipeline = [dict(type='LoadImageMono3D'), dict(type='PackMono3DInputs')]\n"
                      "test_dataloader = dict(dataset=dict(pipeline=pipeline))\n")
    command = ['onnx', trained / 'depth.pth', tmp_path / 'a.onnx', '--config', config]
    code, printed = run_tool('export', *command)
    assert code == 2 and 'give it with --input-size WIDTHxHEIGHT' in printed.err
    code, printed = run_tool('export', *command, '--input-size', '128x64', '--check',
                             trained / 'images/0.png')
    assert code == 2 and '0: its input has 310x94 pixels, but the file takes 128x64' in printed.err


def test_int8_is_reported_and_not_judged():
    rows = dict(fp32=Row(Errors(metres=5e-4, compared=1), 50., 20.),
                int8=Row(Errors(metres=.5, compared=1), 25., 5.))
    assert failure_of(rows, None) is None and failure_of(rows, (.6, .1)) is None
    exceeded = 'the errors exceed the tolerance'
    assert failure_of(rows, (.1, .1)) == exceeded
    assert failure_of(dict(rows, fp32=Row(Errors(score=2e-4, compared=1), 50., 20.)),
                      None) == exceeded
    lines = table(100., rows).splitlines()
    assert len(lines) == 4 and lines[2].split()[-2:] == ['25.0', '4.00']
    assert len({len(line) for line in lines}) == 1


def test_a_check_without_any_detection_fails():
    """Unmatched detections are errors above the tolerance, as in other checks."""
    one, none, lost = (Row(errors, 50., 20.) for errors in (
        Errors(compared=1), Errors(), Errors(unmatched=1)))
    assert failure_of(dict(fp32=one), None) is None
    assert 'compared nothing' in failure_of(dict(fp32=none), None)
    assert failure_of(dict(fp32=one, int8=none), None) is None
    assert 'compared nothing' in failure_of(dict(fp32=one, int8=none), (1., 1.))
    assert failure_of(dict(fp32=lost), None) == 'the errors exceed the tolerance'


def test_frames_of_the_check():
    image = np.zeros((187, 621, 3), np.uint8)
    camera = frame_of_image('a', image).camera
    np.testing.assert_allclose(camera[:2, :3], [[721.5377 / 2, 0, 609.5593 / 2],
                                                [0, 721.5377 / 2, 172.854 / 2]], rtol=1e-5)
    first, second = rendered_frames(2, (160, 48))
    assert first.image.shape == (48, 160, 3) and not np.array_equal(first.image, second.image)


def test_latencies_are_medians_of_runs_in_turn():
    calls = []
    times = median_milliseconds(dict(a=lambda: calls.append('a'), b=lambda: calls.append('b')), 3)
    assert calls == ['a', 'b'] * 4 and set(times) == {'a', 'b'} and min(times.values()) > 0
