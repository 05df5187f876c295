"""A tiny detector with random weights that finds objects, its checkpoint, and pictures."""
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import tiny_training  # noqa: F401  registers TinyDLANet
import torch
from mmengine.config import Config

from mmdet3d_plugin import load_model

ROOT = Path(__file__).parents[1]
TRAINING_CAMERA = dict(focal_length=360., image_size=(620, 186))
CAMERA = [[350., 0., 300., 14.], [0., 350., 90., .2], [0., 0., 1., .003]]


def tiny_config(method='monodle') -> Config:
    """Return the config of a detector with few channels and an input of 128x64 pixels."""
    cfg = Config.fromfile(ROOT / f'configs/{method}/{method}_dla34_synthetic.py')
    next(item for item in cfg.test_dataloader.dataset.pipeline
         if item.type == 'CropScaleAffine').input_size = (128, 64)
    cfg.model.backbone.type = 'TinyDLANet'
    cfg.model.neck.in_channels = (8, 16, 32, 64)
    cfg.model.dense_head.update(in_channels=8, hidden_channels=8)
    cfg.model.object_head.update(in_channels=8, hidden_channels=8)
    cfg.model.test_cfg.heatmap_threshold = 0.
    cfg.training_camera = TRAINING_CAMERA
    return cfg


def tiny_model(method='monodle'):
    """Return the detector with random weights that do not depend on the test."""
    torch.manual_seed(5)
    return load_model(tiny_config(method), device='cpu')


def write_checkpoint(path: Path, model, **entries) -> Path:
    """Write a checkpoint as a training does: weights, and the config as text."""
    meta = dict(cfg=model.cfg.pretty_text, epoch=3, dataset_meta=dict(classes=('a', 'b')))
    torch.save(dict(meta=meta, state_dict=model.state_dict(), **entries), path)
    return path


def write_cut_video(path: Path) -> None:
    """Write a video of 24 frames of noise that breaks off after a third of its bytes."""
    frames = np.random.default_rng(0).integers(0, 255, (24, 32, 64, 3), dtype=np.uint8)
    writer = imageio_ffmpeg.write_frames(
        str(path), (64, 32), fps=10, macro_block_size=2, codec='mpeg4',
        output_params=['-movflags', '+faststart'])  # header first
    writer.send(None)
    for frame in frames:
        writer.send(frame)
    writer.close()
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 3])


def picture(seed=0, size=(620, 186)) -> np.ndarray:
    """Return a picture of random rectangles, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 80, (size[1], size[0], 3), dtype=np.uint8)
    for _ in range(8):
        left, top = rng.integers(0, size)
        cv2.rectangle(image, (int(left), int(top)), (int(left) + 60, int(top) + 40),
                      rng.integers(0, 255, 3).tolist(), -1)
    return image
