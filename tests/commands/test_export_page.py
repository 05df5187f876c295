"""The commands of docs/export.md, and the example in Python.

The commands that build and run the example in C++ are exempt: they need ONNX Runtime's headers.
"""
import re
import runpy
import shlex
import sys

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from tiny_config import ROOT
from tiny_predictor import picture, tiny_model, write_checkpoint

from mmdet3d_plugin import Predictor, load_model
from mmdet3d_plugin.datasets.transforms import CropScaleAffine

PAGE = (ROOT / 'docs/export.md').read_text(encoding='utf-8')
EXAMPLE = str(ROOT / 'examples/onnx_detect.py')


def page_commands():
    """Return the arguments of every command of the page in Python."""
    lines = PAGE.replace('\\\n', ' ').splitlines()
    return [shlex.split(line) for line in lines if re.match(r'(    )?python ', line)]


def spread_peaks(model):
    """Give a random detector outputs that differ between the cells, and return it."""
    for part in model.modules():
        if isinstance(part, torch.nn.Conv2d) and part.kernel_size == (1, 1):
            torch.nn.init.normal_(part.weight, std=.1)
    torch.nn.init.normal_(model.dense_head.heatmap[-1].weight, std=.4)
    return model


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current folder, with examples, configs and images at the paths of the page."""
    for name in ('tools', 'examples', 'configs'):
        (tmp_path / name).symlink_to(ROOT / name)
    images = tmp_path / 'data/demo/training/image_2'
    images.mkdir(parents=True)
    for index in range(8):
        Image.fromarray(picture(index)[..., ::-1]).save(images / f'{index:06d}.png')
    (tmp_path / 'work_dirs/demo').mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run_example(monkeypatch, capfd):
    """Function that runs the example and returns its exit code or error, and its output."""
    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', [EXAMPLE, *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(EXAMPLE, run_name='__main__')
        return stop.value.code or 0, capfd.readouterr().out

    return run


def test_the_page_has_three_commands():
    assert [command[1] for command in page_commands()] == [
        'tools/export.py', 'tools/export.py', 'examples/onnx_detect.py']


def test_export_and_example(run_tool, run_example, place):
    """Both commands as written, on a detector with an input of 128x64 that fits the width.

    The example and Predictor resize images differently.
    """
    model = spread_peaks(tiny_model())
    write_checkpoint(place / 'work_dirs/demo/epoch_3.pth', model)
    (place / 'work_dirs/demo/last_checkpoint').write_text('work_dirs/demo/epoch_3.pth')
    (_, _, *export), _, (_, _, *detect) = page_commands()
    assert detect[4] == '--score'
    detect[5] = '0.05'  # the limit of the page is for calibrated scores
    code, printed = run_tool('export', *export)
    assert code == 0 and 'fp32' in printed.out, (printed.out, printed.err)
    entries = {item.key: item.value for item in onnx.load(export[2]).metadata_props}
    assert entries['fit'] == 'width'

    code, printed = run_example(*detect)
    rows = [line.split() for line in printed.splitlines()]
    assert code == 0
    image, focal, score = detect[1], float(detect[3]), float(detect[5])
    expected, = Predictor(model, 'cpu', correct_focal=False, score_threshold=score)(
        image, focal=focal)
    assert abs(len(rows) - len(expected.scores)) <= 3 < len(rows)
    assert rows[0][0] == model.cfg.class_names[expected.labels[0]]
    np.testing.assert_allclose([float(value) for value in rows[0][1:]],
                               [expected.scores[0], *expected.boxes_3d[0]], rtol=.1, atol=.1)

    # The same photo, stored on its side.
    upright = Image.open(image)
    exif = Image.Exif()
    exif[0x0112] = 6  # the stored picture has to be turned by 90 degrees clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save('turned.png', exif=exif)
    assert run_example(detect[0], 'turned.png', *detect[2:]) == (0, printed)

    # A file of a pipeline that keeps the size of images.
    content = onnx.load(detect[0])
    onnx.helper.set_model_props(content, {key: value for key, value in entries.items()
                                          if key != 'fit'})
    onnx.save(content, detect[0])
    assert run_example(*detect) == (f'{image}: expected 128x64 pixels', '')
    upright.resize((128, 64)).save('small.png')
    assert run_example(detect[0], 'small.png', *detect[2:])[0] == 0


@pytest.mark.slow
def test_export_with_8_bits(run_tool, place, monkeypatch):
    """The command of the table of int8. Errors are not judged: random weights amplify rounding."""
    monkeypatch.setattr('mmdet3d_plugin.commands.export.failure_of', lambda *arguments: None)
    _, (_, _, *export), _ = page_commands()
    torch.manual_seed(0)
    model = spread_peaks(load_model(export[export.index('--config') + 1], device='cpu'))
    torch.save(dict(state_dict=model.state_dict()), 'CHECKPOINT')
    code, printed = run_tool('export', *export)
    assert code == 0, printed.err
    assert re.search(r'^int8', printed.out, re.MULTILINE)
    assert any(node.op_type == 'ConvInteger' for node in onnx.load('OUT.onnx').graph.node)


@pytest.mark.parametrize('size, fit, scale, left, top', [
    ((100, 50), 'width', .4, 0, 5), ((100, 50), 'contain', .4, 0, 5),
    ((100, 50), 'cover', .6, -10, 0), ((50, 100), 'width', .8, 0, -25),
    ((50, 100), 'contain', .3, 12.5, 0), ((50, 100), 'cover', .8, 0, -25)])
def test_placement_of_the_image(size, fit, scale, left, top):
    """Images of 100x50 and 50x100 in an input of 40x30, as CropScaleAffine places them."""
    prepare = runpy.run_path(EXAMPLE)['prepare']
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    image = np.stack([2 * columns, 2 * rows, columns + rows], axis=-1).astype(np.uint8)
    pixels, affine = prepare(Image.fromarray(image[..., ::-1]), 40, 30, fit)
    np.testing.assert_allclose(affine, [[scale, 0, left], [0, scale, top], [0, 0, 1]], rtol=1e-6)
    results = CropScaleAffine((40, 30), fit=fit)(dict(img=image))
    np.testing.assert_allclose(results['affine'], affine, rtol=1e-6)
    differences = np.abs(results['img'].transpose(2, 0, 1).astype(int) - pixels)
    assert np.median(differences) <= 1 and (differences > 2).mean() < .1
