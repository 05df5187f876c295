"""Check of exported files: errors against torch and latency, on frames of any size.

Notation: B images per run.
"""
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
import torch.nn as nn
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from ..datasets.transforms import CropScaleAffine
from ..errors import InputError
from ..models.depth_estimators.depth_estimator import affine_of, to_original
from ..models.model_contract import DETECTION
from ..prediction.predictor import memory_pipeline
from ..synthetic import KITTI_P2, KITTI_SIZE, kitti_camera, render_frame, sample_scene
from .onnx_file import load_session
from .parity import DetectionSet, Errors, compare_depths, compare_detections, total

ROUNDS = 5  # of the latency, after one to warm up


class Frame(NamedTuple):
    """Image with a camera.

    Attributes:
        title: name for messages.
        image: (H, W, 3) uint8, BGR.
        camera: (3, 4) camera frame to pixels.
    """
    title: str
    image: np.ndarray
    camera: np.ndarray


class Row(NamedTuple):
    """Figures of a file.

    Attributes:
        errors: against torch.
        milliseconds: median time per run.
        megabytes: size of the file.
    """
    errors: Errors
    milliseconds: float
    megabytes: float


def rendered_frames(count: int, size: Tuple[int, int] = KITTI_SIZE) -> List[Frame]:
    """Render street scenes with KITTI's camera.

    Args:
        count: number of frames.
        size: (width, height) of the images, pixels.
    """
    camera = kitti_camera(*size)
    frames = []
    for index in range(count):
        rng = np.random.default_rng(index)
        image = render_frame(sample_scene(rng, num_frames=1), 0, camera, rng).image
        frames.append(Frame(f'rendered frame {index}', image[..., ::-1].copy(), camera.P2))
    return frames


def frame_of_image(title: str, image: np.ndarray) -> Frame:
    """Return an image with KITTI's camera, scaled to its width.

    The camera need not be the true one: both predictions use it.
    """
    scale = image.shape[1] / KITTI_SIZE[0]
    return Frame(title, image, np.diag([scale, scale, 1.]) @ KITTI_P2)


def pack(pipeline: Compose, frame: Frame) -> dict:
    """Return the packed sample of a frame.

    Args:
        pipeline: test pipeline without the transforms that read files.
        frame: image and camera.
    """
    size = frame.image.shape[:2]
    return pipeline(dict(img=frame.image, img_shape=size, ori_shape=size,
                         cam2img=np.vstack([frame.camera, [0., 0., 0., 1.]])))


def input_size_of(cfg: Config) -> Optional[Tuple[int, int]]:
    """Return the (width, height) of all inputs, or None if it depends on the image.

    Args:
        cfg: deployed config.
    """
    pipeline = memory_pipeline(cfg.test_pipeline)
    shapes = {tuple(pack(pipeline, frame_of_image('', np.zeros((*size, 3), np.uint8))
                         )['inputs']['img'].shape[1:])
              for size in ((375, 1242), (370, 1226))}
    return next(iter(shapes))[::-1] if len(shapes) == 1 else None


def input_fit_of(cfg: Config) -> Optional[str]:
    """Return ``fit`` of the test pipeline's CropScaleAffine; None without this transform.

    Args:
        cfg: deployed config.
    """
    return next((transform.fit for transform in memory_pipeline(cfg.test_pipeline).transforms
                 if isinstance(transform, CropScaleAffine)), None)


class ParityCheck:
    """Frames with the predictions of torch for them.

    Args:
        graph: graph of the exported model.
        cfg: deployed config of the model.
        frames: frames; the last batch is filled up with the first ones.
        batch: B.
        image_type: type of the file's input image, ``'uint8'`` or ``'float32'``.

    Raises:
        InputError: the pipeline gives a frame another size than the input's.
    """

    def __init__(self, graph: nn.Module, cfg: Config, frames: Sequence[Frame], batch: int,
                 image_type: str) -> None:
        self.graph = graph
        pipeline = memory_pipeline(cfg.test_pipeline)
        samples = []
        for frame in frames:
            samples.append(pack(pipeline, frame))
            height, width = samples[-1]['inputs']['img'].shape[1:]
            if (width, height) != tuple(graph.input_size):
                raise InputError(f'{frame.title}: its input has {width}x{height} pixels, but the '
                                 'file takes {}x{}; check with images of this size'.format(
                                     *graph.input_size))
        while len(samples) % batch:
            samples.append(samples[len(samples) % len(frames)])
        self.batches = [samples[start:start + batch] for start in range(0, len(samples), batch)]
        self.inputs = [self._file_inputs(samples, image_type) for samples in self.batches]
        self.expected = [self._predict(samples) for samples in self.batches]

    def run(self, files: Dict[str, Path], threads: int) -> Tuple[float, Dict[str, Row]]:
        """Compare files with torch and time all of them in turn.

        Args:
            files: file by name.
            threads: number of threads of ONNX Runtime. Set that of torch before.

        Returns:
            Median milliseconds per run of torch, from packed images to decoded boxes or depth,
            and the figures of each file.
        """
        sessions = {name: load_session(path, threads) for name, path in files.items()}
        errors = {name: total(self._errors(session)) for name, session in sessions.items()}
        runs: Dict[str, Callable[[], object]] = {
            'torch': lambda: self._predict(self.batches[0]),
            **{name: partial(session.run, None, self.inputs[0])
               for name, session in sessions.items()}}
        times = median_milliseconds(runs)
        return times['torch'], {
            name: Row(errors[name], times[name], path.stat().st_size / 1e6)
            for name, path in files.items()}

    def _file_inputs(self, samples: List[dict], image_type: str) -> Dict[str, np.ndarray]:
        metas = [sample['data_samples'].metainfo for sample in samples]
        values = dict(
            image=np.stack([sample['inputs']['img'].numpy() for sample in samples]
                           ).astype(image_type),
            intrinsics=np.stack([np.float32(meta['cam2img'][:3]) for meta in metas]),
            affine=np.stack([np.float32(affine_of(meta)) for meta in metas]))
        return {name: values[name] for name in self.graph.inputs}

    @torch.no_grad()
    def _predict(self, samples: List[dict]) -> list:
        # New samples: a model fills those that it gets.
        fresh = [dict(sample, data_samples=sample['data_samples'].clone()) for sample in samples]
        return self.graph.model.test_step(pseudo_collate(fresh))

    def _errors(self, session) -> Iterator[Errors]:
        """Yield the errors of each image."""
        for inputs, predictions in zip(self.inputs, self.expected):
            for sample, *outputs in zip(predictions, *session.run(None, inputs)):
                if self.graph.model.task == DETECTION:
                    yield compare_detections(torch_detections(sample), file_detections(*outputs))
                else:
                    depth = to_original(torch.from_numpy(outputs[0]), affine_of(sample.metainfo),
                                        sample.ori_shape[:2])
                    yield compare_depths(sample.pred_depth_map.data[0].numpy(), depth.numpy())


def torch_detections(sample) -> DetectionSet:
    """Return the detections of a predicted data sample."""
    objects = sample.pred_instances_3d
    return DetectionSet(objects.bboxes_3d.tensor.numpy(), objects.scores_3d.numpy(),
                        objects.labels_3d.numpy(), sample.pred_instances.bboxes.numpy())


def file_detections(boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray,
                    boxes_2d: np.ndarray) -> DetectionSet:
    """Return the detections of an image in the outputs of a file: the rows with a score."""
    kept = scores > 0
    return DetectionSet(boxes[kept], scores[kept], labels[kept], boxes_2d[kept])


def median_milliseconds(runs: Dict[str, Callable[[], object]], rounds: int = ROUNDS
                        ) -> Dict[str, float]:
    """Return the median milliseconds of functions that run in turn, after one round to warm up."""
    times: Dict[str, List[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: median(values[1:]) for name, values in times.items()}
