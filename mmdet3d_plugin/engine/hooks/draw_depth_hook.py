"""Pictures of the depth maps of a test."""
from typing import Any, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
import torch.nn as nn
from mmdet3d.structures import Det3DDataSample
from mmengine.dist import all_reduce, is_main_process
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from mmengine.structures import PixelData

from ...benchmarks.depth.map_errors import DepthProtocol
from ...benchmarks.depth.pixel_errors import DISTANCE_ERRORS, PixelDepthErrors
from ...datasets.frame_dataset import CAMERA
from ...datasets.transforms import LoadImageMono3D
from ...datasets.transforms.warping import warp_image
from ...evaluation import DepthMetric
from ...models.model_contract import DEPTH, task_of
from ...utils.files import atomic_write
from ...visualization import UNKNOWN_COLOR, depth_panel, depth_scale, feature_colors, scene_entry
from ...visualization.colors import to_bgr
from ...visualization.frame_entries import PREDICTED_DEPTH, TRUE_DEPTH, Entry
from ..process_state import unwrap_model
from .picture_hook import PictureHook


@HOOKS.register_module()
class DrawDepthHook(PictureHook):
    """Hook that draws predicted and true depth, errors and features of test frames.

    For the report it also writes ``FRAME.scene.json`` beside each picture, with the image, the
    camera and coarse depths for a 3D view, and ``distance_errors.json`` with the depth errors of
    all frames by distance. Models other than depth estimators are ignored.

    The model's ``decode_head`` has to return ``depth`` (B, H, W) at the input's size and
    ``feature`` (B, C, h, w). If it decodes a batch several times, such as the image and its
    mirror, the first features are drawn. Errors count the pixels that the DepthMetric of the test
    counts; without a DepthMetric no errors by distance are written. Frames without true depth
    are drawn without errors.

    Args:
        depth_range: (least, largest) depth of the colours, metres; by default each frame
            has its own range.
        kwargs: arguments of :class:`PictureHook`.
    """
    DEFAULT_FOLDER = 'frames'

    def __init__(self, depth_range: Optional[Tuple[float, float]] = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.scale = None if depth_range is None else depth_scale(*depth_range)
        self._protocol: Optional[DepthProtocol] = None
        self._errors: Optional[PixelDepthErrors] = None
        self._handle: Any = None  # of the forward hook
        self._decoded: Any = None  # output of the decode head

    def before_test_epoch(self, runner: Runner) -> None:
        super().before_test_epoch(runner)
        self.active = task_of(unwrap_model(runner.model)) == DEPTH
        if not self.active:
            return
        self._protocol = next((metric.protocol for metric in runner.test_loop.evaluator.metrics
                               if isinstance(metric, DepthMetric)), None)
        self._errors = (None if self._protocol is None
                        else PixelDepthErrors.up_to(self._protocol.max_depth))
        decode_head = unwrap_model(runner.model).decode_head
        self._handle = decode_head.register_forward_hook(self._keep)

    def before_test_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        self._decoded = None

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                        outputs: Sequence[Det3DDataSample] = ()) -> None:
        super().after_test_iter(runner, batch_idx, data_batch, outputs)
        if self._errors is not None and self._protocol is not None:
            for sample in outputs:
                self._errors.add(depth_of(sample.gt_depth_map), depth_of(sample.pred_depth_map),
                                 self._protocol)

    def after_test_epoch(self, runner: Runner, metrics=None) -> None:
        super().after_test_epoch(runner, metrics)
        if not self.active:
            return
        self._handle.remove()
        self._decoded = None
        if self._errors is not None:
            sums = torch.from_numpy(self._errors.sums)
            all_reduce(sums)
            self._errors.sums = sums.numpy()
            if is_main_process():
                atomic_write(self._folder(runner) / DISTANCE_ERRORS, self._errors.to_json())

    def _keep(self, module: nn.Module, inputs: tuple, output: NamedTuple) -> None:
        if self._decoded is None:
            self._decoded = output

    def draw(self, sample: Det3DDataSample, index: int) -> np.ndarray:
        return depth_panel(
            image_of(sample), depth_of(sample.pred_depth_map),
            truth=depth_of(sample.gt_depth_map) if 'gt_depth_map' in sample else None,
            features=self._features(sample, index),
            title=sample.frame, protocol=self._protocol, scale=self.scale)

    def scene(self, sample: Det3DDataSample) -> Optional[Entry]:
        prediction = depth_of(sample.pred_depth_map)
        maps, errors = {}, None
        if 'gt_depth_map' in sample:
            protocol = self._protocol or DepthProtocol()
            maps[TRUE_DEPTH] = truth = depth_of(sample.gt_depth_map)
            errors = protocol.errors(truth, prediction, sample.frame)
            prediction = protocol.scaled(truth, prediction)
        maps[PREDICTED_DEPTH] = prediction
        entry = scene_entry(sample.frame, image_of(sample), np.array(sample.cam2img), maps)
        return {**entry, 'errors': [] if errors is None else [round(errors['AbsRel'], 6)]}

    def _features(self, sample: Det3DDataSample, index: int) -> np.ndarray:
        """Return the colours of the features, (H, W, 3) uint8 BGR, in original pixels."""
        depth, feature = self._decoded.depth, self._decoded.feature
        colors = feature_colors(feature[index].detach().float().cpu().numpy())
        stride = np.divide(feature.shape[:-3:-1], depth.shape[:-3:-1])  # (x, y)
        to_feature = np.diag([*stride, 1.]) @ sample.metainfo.get('affine', np.eye(3))
        # Warping blends the border with pixels outside. This mask yields the share inside.
        inside = np.full(colors.shape[:2], 255, np.uint8)
        warped = warp_image(np.dstack([colors, inside]), to_feature,
                            sample.pred_depth_map.shape[::-1])
        share = warped[..., 3:] / 255
        seen = (warped[..., :3] / np.maximum(share, .5)).clip(0, 255)
        return np.where(share > .5, seen, to_bgr(UNKNOWN_COLOR)).astype(np.uint8)


def image_of(sample: Det3DDataSample) -> np.ndarray:
    """Return the image of a sample, (H, W, 3) uint8 BGR."""
    frame = dict(images={CAMERA: dict(img_path=sample.img_path, cam2img=sample.cam2img)},
                 frame_reader=sample.get('frame_reader'))
    return LoadImageMono3D().transform(frame)['img']


def depth_of(pixels: PixelData) -> np.ndarray:
    """Return pixel data (1, H, W) as an array (H, W)."""
    return pixels.data[0].cpu().numpy()
