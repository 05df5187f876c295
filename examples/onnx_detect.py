#!/usr/bin/env python
"""Detect objects in an image with a file of ``tools/export.py onnx``.

Needs onnxruntime, numpy and Pillow alone:

    python examples/onnx_detect.py MODEL.onnx IMAGE --focal 721.5

Prints a line per object: class, score, bottom centre x y z, length height width (metres), yaw
(radians). With a depth estimator, writes depth in metres to DEPTH.npy instead.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image


def prepare(image: Image.Image, width: int, height: int):
    """Scale the whole image to the width of the input and centre it (CropScaleAffine).

    Args:
        image: RGB image.
        width, height: size of the input, pixels.

    Returns:
        (3, height, width) uint8, blue, green, red; and the (3, 3) affine from original to input
        pixels.
    """
    scale = width / image.width
    top = height / 2 - scale * image.height / 2
    # Pillow, as the affine, counts from the corner of the first pixel.
    inverse = (1 / scale, 0, 0, 0, 1 / scale, -top / scale)
    warped = image.transform((width, height), Image.Transform.AFFINE, inverse,
                             resample=Image.Resampling.BILINEAR)
    pixels = np.ascontiguousarray(np.asarray(warped)[..., ::-1].transpose(2, 0, 1))
    return pixels, np.array([[scale, 0, 0], [0, scale, top], [0, 0, 1]], np.float32)


def camera(focal: float, image: Image.Image) -> np.ndarray:
    """Return the (3, 4) matrix of a camera with its principal point in the image's centre."""
    return np.array([[focal, 0, image.width / 2, 0], [0, focal, image.height / 2, 0],
                     [0, 0, 1, 0]], np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model', help='file of tools/export.py onnx, with --image-type uint8')
    parser.add_argument('image', help='image file')
    parser.add_argument('--focal', type=float, required=True, help='focal length, pixels')
    parser.add_argument('--score', type=float, default=0.2, help='least score (default: 0.2)')
    parser.add_argument('--depth', type=Path, default='depth.npy', metavar='DEPTH.npy',
                        help='output of a depth estimator (default: depth.npy)')
    args = parser.parse_args()

    session = onnxruntime.InferenceSession(args.model, providers=['CPUExecutionProvider'])
    entries = session.get_modelmeta().custom_metadata_map
    height, width = session.get_inputs()[0].shape[2:]
    image = Image.open(args.image).convert('RGB')
    pixels, affine = prepare(image, width, height)
    values = dict(image=pixels[None], intrinsics=camera(args.focal, image)[None],
                  affine=affine[None])
    outputs = session.run(None, {item.name: values[item.name] for item in session.get_inputs()})
    if entries['task'] == 'depth':
        np.save(args.depth, outputs[0][0])
        print(f'{args.depth}: depth of the input, {height} x {width} pixels, metres')
        return
    names = json.loads(entries['class_names'])
    for box, score, label in zip(*(output[0] for output in outputs[:3])):
        if score > 0 and score >= args.score:
            print(names[label], f'{score:.4f}', *(f'{value:.3f}' for value in box))


if __name__ == '__main__':
    sys.exit(main())
