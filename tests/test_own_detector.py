"""examples/my_detector, and docs/own_detector.md, which runs as it is written."""
import json
import math
import re
import runpy
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mmdet3d_plugin.models.object_heads import ObjectROIExtractor
from mmdet3d_plugin.models.object_heads.depth_heads import DepthEstimates
from mmdet3d_plugin.models.object_heads.object_queries import ObjectQueries
from mmdet3d_plugin.models.task_modules.input_geometry import InputGeometry

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / 'docs/own_detector.md').read_text(encoding='utf-8')


@pytest.fixture
def my_detector(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / 'examples')
    import my_detector
    return my_detector


def test_the_loss_is_relative(my_detector):
    """1 m at 10 m and 3 m at 30 m cost the same: 1.4142 exp(-s / 2) / 10 + s / 2."""
    depths, true = torch.tensor([[11., 27.]]), torch.tensor([[10., 30.]])
    log_variance = torch.full((1, 2), 2 * math.log(2))
    loss = my_detector.RelativeLaplacianLoss(loss_weight=3.)
    value = loss(depths, log_variance, true, torch.tensor([[1., .5]]))
    assert float(value) == pytest.approx(3 * (1.5 / 2) * (1.4142 / 2 / 10 + math.log(2)))


@pytest.mark.parametrize('share, weights', [
    (.5, [0, 2, 0, 2]), (.25, [0, 4, 0, 0]), (1., [1, 1, 1, 1]), (.01, [0, 4, 0, 0])])
def test_the_selector_keeps_the_largest_logits(my_detector, share, weights):
    selected = my_detector.LargestLogits(share)(torch.tensor([[-1., 9., 0., 3.]]))
    assert selected.tolist() == [weights]
    assert my_detector.LargestLogits(share)(torch.zeros(0, 4)).shape == (0, 4)


def make_head(my_detector):
    return my_detector.GroundDepthHead(
        8, 4, ObjectROIExtractor(num_classes=2, roi_size=2), dict(type='RelativeLaplacianLoss'),
        dict(type='LargestLogits', share=.5), camera_height=1.5)


def test_an_uncorrected_depth_is_that_of_the_ground(my_detector):
    """The camera is 1.5 m above ground, f 600, horizon 100: a box to row 145 is 20 m away."""
    camera = torch.tensor([[600., 0, 300, 0], [0, 600, 100, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    half = torch.diag(torch.tensor([2., 2, 1]))  # the input has half of the original size
    queries = ObjectQueries(
        image_index=torch.zeros(2, dtype=torch.long), labels=torch.zeros(2, dtype=torch.long),
        cells=torch.zeros(2, 2, dtype=torch.long),
        boxes=torch.tensor([[0., 0., 10., 145 / 8], [0., 0., 10., 1.]]),
        mean_sizes=torch.ones(2, 3), zooms=torch.ones(2),
        geometry=InputGeometry(camera.expand(2, 4, 4), half.expand(2, 3, 3)), stride=4)
    head = make_head(my_detector)
    for branch in (head.correction, head.log_variance):
        torch.nn.init.zeros_(branch[-1].weight)
    torch.nn.init.constant_(head.correction[-1].bias, math.log(1.1))
    torch.nn.init.constant_(head.log_variance[-1].bias, .3)
    estimates = head(torch.rand(2, 12, 2, 2), queries, torch.zeros(2, 3))
    # A box above the horizon counts as one pixel below it.
    assert torch.allclose(estimates.depths, 1.1 * torch.tensor([[20.], [900.]]).expand(2, 4))
    assert torch.allclose(estimates.log_variances, torch.tensor(.3))


def test_the_head_learns_from_certain_locations(my_detector):
    """The loss is the mean over all locations, of which two have weight 2."""
    log_variances = torch.tensor([[0., 5., 4., -1.]], requires_grad=True)
    estimates = DepthEstimates(torch.tensor([[11., 10., 10., 10.]]), log_variances)
    targets = SimpleNamespace(code=SimpleNamespace(depths=torch.tensor([10.])))
    value = make_head(my_detector).loss(estimates, targets, torch.ones(1, 1))
    assert value.item() == pytest.approx((2 * 1.4142 / 10 + 2 * -.5) / 4)
    value.backward()
    assert log_variances.grad[0, 1:3].tolist() == [0, 0] and log_variances.grad[0, 3] > 0


def page_commands():
    """Return (environment, arguments) of every command of the page."""
    text = re.sub('^```.*?^```', '', PAGE, flags=re.MULTILINE | re.DOTALL)
    lines = ''.join(re.findall(r'^    .*\n', text, flags=re.MULTILINE)).replace('\\\n', ' ')
    found = re.findall(r'^    (PYTHONPATH=examples )?python (.+)$', lines, flags=re.MULTILINE)
    return [(path, shlex.split(command)) for path, command in found]


def test_the_page_shows_the_config_and_all_files():
    block, = re.findall(r'^```python\n(.*?)^```', PAGE, flags=re.MULTILINE | re.DOTALL)
    config = (ROOT / 'examples/my_detector/config.py').read_text(encoding='utf-8')
    lines = [line.strip() for line in config.splitlines()]
    assert all(line.strip() in lines for line in block.splitlines())
    files = {path.name for path in (ROOT / 'examples/my_detector').glob('*.py')}
    listed = re.findall(r'^\| `examples/my_detector/(\w+\.py)`', PAGE, flags=re.MULTILINE)
    assert set(listed) == files


@pytest.mark.slow
def test_every_command_of_the_page(tmp_path, run_tool, monkeypatch, my_detector):
    (tmp_path / 'tools').symlink_to(ROOT / 'tools')
    shutil.copytree(ROOT / 'examples/my_detector', tmp_path / 'examples/my_detector')
    monkeypatch.chdir(tmp_path)
    outputs = {}
    commands = page_commands()
    assert len(commands) == 4
    for path, (script, *arguments) in commands:
        if path:
            monkeypatch.syspath_prepend(tmp_path / 'examples')
        if script == 'examples/my_detector/make_data.py':
            monkeypatch.setattr('sys.argv', [script])
            runpy.run_path(script, run_name='__main__')
            continue
        code, printed = run_tool(Path(script).stem, *arguments)
        assert code == 0, (script, arguments, printed.err)
        outputs[Path(script).stem] = printed.out + printed.err
    losses = [float(loss) for loss in re.findall(r'loss_depth: (\S+)', outputs['train'])]
    assert len(losses) == 8 and all(math.isfinite(loss) for loss in losses)
    assert 'objects to learn from in 8 frames' in outputs['train']
    assert re.search(r'^Car +3D +R40 ', outputs['test'], flags=re.MULTILINE)
    predicted = json.loads((tmp_path / 'work_dirs/my_detector_boxes/predictions.json').read_text())
    assert len(predicted['images']) == 12
    assert len([*(tmp_path / 'work_dirs/my_detector_frames').rglob('*.jpg')]) == 4
