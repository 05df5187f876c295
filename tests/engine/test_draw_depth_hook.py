"""Pictures of depth that the hook draws in a test of a fake model."""
from types import SimpleNamespace
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
import torch.nn as nn
from mmdet3d.structures import Det3DDataSample
from mmengine.structures import PixelData

from mmdet3d_plugin.benchmarks.depth.pixel_errors import read_pixel_errors
from mmdet3d_plugin.engine.hooks import DrawDepthHook
from mmdet3d_plugin.evaluation import DepthMetric
from mmdet3d_plugin.visualization import UNKNOWN_COLOR
from mmdet3d_plugin.visualization.colors import to_bgr

HEIGHT, WIDTH = 60, 160  # of the original image


class Output(NamedTuple):
    depth: torch.Tensor
    feature: torch.Tensor


class Head(nn.Module):
    """Head that returns its input."""

    def forward(self, output):
        return output


class Model(nn.Module):
    task = 'depth'

    def __init__(self):
        super().__init__()
        self.decode_head = Head()


def sample_of(tmp_path, frame='a/000001', truth=10., predicted=11., affine=None):
    path = tmp_path / 'image.png'
    cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    sample = Det3DDataSample(metainfo=dict(img_path=str(path), cam2img=np.eye(4), frame=frame))
    if affine is not None:
        sample.set_metainfo(dict(affine=affine))
    if truth is not None:
        sample.gt_depth_map = PixelData(data=torch.full((1, HEIGHT, WIDTH), truth))
    sample.pred_depth_map = PixelData(data=torch.full((1, HEIGHT, WIDTH), predicted))
    return sample


def output_of(left, right, count=1, size=(30, 80)):
    """Return depth (count, 60, 160) and features (count, 4, *size) of two constant halves."""
    feature = torch.zeros(count, 4, *size)
    feature[..., :size[1] // 2], feature[..., size[1] // 2:] = left, right
    return Output(torch.ones(count, HEIGHT, WIDTH), feature)


def run_test(hook, tmp_path, metrics, batches):
    """Run a test, and return the folder of the pictures.

    Args:
        hook: the DrawDepthHook.
        tmp_path: folder of the test.
        metrics: metrics of the evaluator.
        batches: inputs of the head's calls, and samples, per batch.
    """
    model = Model()
    runner = SimpleNamespace(
        model=model, work_dir=str(tmp_path / 'run'),
        test_loop=SimpleNamespace(evaluator=SimpleNamespace(metrics=metrics)))
    hook.before_test_epoch(runner)
    for index, (outputs, samples) in enumerate(batches):
        hook.before_test_iter(runner, index)
        for output in outputs:
            model.decode_head(output)
        hook.after_test_iter(runner, index, None, samples)
    hook.after_test_epoch(runner)
    assert not model.decode_head._forward_hooks
    return tmp_path / 'run/frames'


def test_pictures_and_errors_of_all_frames(tmp_path):
    samples = [sample_of(tmp_path, f'a/{index}') for index in range(3)]
    batches = [([output_of(0., 1., 2)], samples[:2]), ([output_of(0., 1.)], samples[2:])]
    folder = run_test(DrawDepthHook(max_frames=2), tmp_path, [DepthMetric()], batches)
    assert sorted(path.name for path in folder.rglob('*.jpg')) == ['0.jpg', '1.jpg']
    errors = read_pixel_errors(folder / 'distance_errors.json')
    # 10 m is the lower end of the second of eight bins up to 80 m.
    np.testing.assert_array_equal(errors.pixels, [0, 3 * HEIGHT * WIDTH, *[0] * 6])
    np.testing.assert_allclose((errors.relative[1], errors.metres[1]), (.1, 1.), rtol=1e-5)


def test_frames_without_ground_truth_are_drawn(tmp_path):
    shown = []
    for truth in (None, 10.):
        folder = tmp_path / str(truth)
        run_test(DrawDepthHook(out_dir=str(folder)), tmp_path, [],
                 [([output_of(0., 1.)], [sample_of(tmp_path, 'b', truth)])])
        shown.append(cv2.imread(str(folder / 'b.jpg')))
    assert shown[0].shape[0] < shown[1].shape[0] and shown[0].shape[1] == shown[1].shape[1]
    assert not list(tmp_path.rglob('distance_errors.json'))


@pytest.fixture
def features_of(monkeypatch, tmp_path):
    """Function that draws a frame and returns the (H, W, 3) picture of its features."""
    def draw(outputs, **kwargs):
        seen = {}

        def panel(image, prediction, **options):
            seen.update(options)
            return image
        monkeypatch.setattr('mmdet3d_plugin.engine.hooks.draw_depth_hook.depth_panel', panel)
        run_test(DrawDepthHook(), tmp_path, [], [(outputs, [sample_of(tmp_path, **kwargs)])])
        return seen['features']

    return draw


def edge_of(colors):
    """Return the column where the colours of the middle row change."""
    steps = np.abs(np.diff(colors[HEIGHT // 2].astype(int), axis=0)).sum(-1)
    return np.average(np.arange(len(steps)) + 1, weights=steps)


def test_features_are_aligned_with_the_image(features_of):
    colors = features_of([output_of(0., 1.)])
    assert colors.shape == (HEIGHT, WIDTH, 3)
    assert edge_of(colors) == pytest.approx(80, abs=1)
    # The input starts at pixel (20, 10) of the image, twice as large. The middle column of the
    # input is column 20 + 80 / 2 of the image.
    affine = np.array([[2., 0., -40.], [0., 2., -20.], [0., 0., 1.]])
    colors = features_of([output_of(0., 1.)], affine=affine)
    unseen = (colors == to_bgr(UNKNOWN_COLOR)).all(-1)
    assert unseen[:, :19].all() and unseen[:, 102:].all() and unseen[:9].all()
    assert not unseen[12:38, 22:98].any()
    assert edge_of(colors[:, 22:98]) + 22 == pytest.approx(60, abs=1)


def test_features_of_the_mirrored_image_are_not_drawn(features_of):
    straight = features_of([output_of(0., 1.)])
    both = features_of([output_of(0., 1.), output_of(1., 0.)])
    mirrored = features_of([output_of(1., 0.)])
    np.testing.assert_array_equal(both, straight)
    assert (mirrored != straight).any()


def test_detectors_are_not_drawn(tmp_path):
    """Tests of detectors are not drawn, although their runtime has the hook too."""
    class Detector(nn.Module):
        task = 'detection'

    hook = DrawDepthHook()
    runner = SimpleNamespace(model=Detector(), work_dir=str(tmp_path))
    hook.before_test_epoch(runner)
    hook.before_test_iter(runner, 0)
    hook.after_test_iter(runner, 0, None, [Det3DDataSample()])
    hook.after_test_epoch(runner)
    assert not list(tmp_path.iterdir())
