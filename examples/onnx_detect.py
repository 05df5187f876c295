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
from PIL import Image, ImageOps

# Scale of an image by 'fit' of the metadata, from the ratios (input / image) of the widths and of
# the heights: show the whole image, fill the input, or fit the width.
SCALES = dict(contain=min, cover=max, width=lambda across, down: across)


def read_image(path: str) -> Image.Image:
    """Read an RGB image and apply the rotation in its EXIF data."""
    return ImageOps.exif_transpose(Image.open(path)).convert('RGB')


def prepare(image: Image.Image, width: int, height: int, fit: str):
    """Scale an image and centre it in the input (CropScaleAffine).

    Args:
        image: RGB image.
        width, height: size of the input, pixels.
        fit: key of SCALES.

    Returns:
        (3, height, width) uint8, blue, green, red; and the (3, 3) affine from original to input
        pixels.
    """
    scale = SCALES[fit](width / image.width, height / image.height)
    left, top = (width - scale * image.width) / 2, (height - scale * image.height) / 2
    # Pillow, as the affine, counts from the corner of the first pixel.
    inverse = (1 / scale, 0, -left / scale, 0, 1 / scale, -top / scale)
    warped = image.transform((width, height), Image.Transform.AFFINE, inverse,
                             resample=Image.Resampling.BILINEAR)
    pixels = np.ascontiguousarray(np.asarray(warped)[..., ::-1].transpose(2, 0, 1))
    return pixels, np.array([[scale, 0, left], [0, scale, top], [0, 0, 1]], np.float32)


def camera(focal: float, image: Image.Image) -> np.ndarray:
    """Return the (3, 4) matrix of a camera with its principal point in the image's centre."""
    return np.array([[focal, 0, image.width / 2, 0], [0, focal, image.height / 2, 0],
                     [0, 0, 1, 0]], np.float32)


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model', help='file of tools/export.py onnx, with --image-type uint8')
    parser.add_argument('image', help='image file')
    parser.add_argument('--focal', type=float, required=True, help='focal length, pixels')
    parser.add_argument('--score', type=float, default=0.1, help='least score (default: 0.1)')
    parser.add_argument('--depth', type=Path, default='depth.npy', metavar='DEPTH.npy',
                        help='output of a depth estimator (default: depth.npy)')
    args = parser.parse_args()

    session = onnxruntime.InferenceSession(args.model, providers=['CPUExecutionProvider'])
    entries = session.get_modelmeta().custom_metadata_map
    height, width = session.get_inputs()[0].shape[2:]
    image = read_image(args.image)
    # Without 'fit', the model takes images of the input's size only.
    if 'fit' not in entries and image.size != (width, height):
        sys.exit(f'{args.image}: expected {width}x{height} pixels')
    pixels, affine = prepare(image, width, height, entries.get('fit', 'contain'))
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
