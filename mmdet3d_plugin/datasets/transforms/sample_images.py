"""The images of a sample: the only place that names their keys in a pipeline's results.

``results['img']`` is one image (H, W, 3) or, for a clip, a list of images of equal size.
``results['jittered']``, where it exists, holds the same images in other colours.
``results['instance_maps']``, where it exists, holds an instance map (H, W) per image of a clip.
``results['images']['CAM2']`` is the record of the camera: ``img_path``, ``cam2img`` (4, 4) and,
where known, ``width`` and ``height`` in pixels.
"""
from typing import Callable, List, Tuple

import numpy as np

IMAGES = 'img'
JITTERED = 'jittered'
INSTANCE_MAPS = 'instance_maps'
CAMERA = 'CAM2'


def sample_images(results: dict) -> List[np.ndarray]:
    """Return the images of a sample as a list: one, or those of the clip in order.

    Args:
        results: results of a pipeline after loading.

    Returns:
        List of (H, W, 3) images of equal size.

    Example:
        >>> image = np.zeros((4, 6, 3), np.uint8)
        >>> len(sample_images(dict(img=image))), len(sample_images(dict(img=[image, image])))
        (1, 2)
    """
    images = results[IMAGES]
    return list(images) if isinstance(images, (list, tuple)) else [images]


def map_images(results: dict, function: Callable[..., np.ndarray], *others: dict) -> None:
    """Replace every image of a sample by ``function(image)``, in place.

    A single image stays a single image, and a clip stays a list. The images ``jittered`` of a
    clip are replaced too.

    Args:
        results: results of a pipeline after loading.
        function: called once per image. It must not draw random numbers, so that all images of
            a clip are treated alike.
        others: further samples with as many images. ``function`` gets the image at the same
            position of each of them as further arguments.

    Example:
        >>> clip = dict(img=[np.zeros((4, 6, 3), np.uint8), np.ones((4, 6, 3), np.uint8)])
        >>> map_images(clip, lambda image: image[:2] + 1)
        >>> [(image.shape, image.max()) for image in clip['img']]
        [((2, 6, 3), 1), ((2, 6, 3), 2)]
    """
    aligned = zip(sample_images(results), *(sample_images(other) for other in others))
    images = [function(*parts) for parts in aligned]
    results[IMAGES] = images if isinstance(results[IMAGES], (list, tuple)) else images[0]
    if JITTERED in results and not others:
        results[JITTERED] = [function(image) for image in results[JITTERED]]


def map_instance_maps(results: dict, function: Callable[[np.ndarray], np.ndarray]) -> None:
    """Replace every instance map of a clip by ``function(instance_map)``, in place.

    Samples without instance maps stay unchanged.

    Example:
        >>> clip = dict(instance_maps=[np.array([[0, 7]], np.int32)])
        >>> map_instance_maps(clip, np.fliplr)
        >>> clip['instance_maps'][0].tolist()
        [[7, 0]]
    """
    if INSTANCE_MAPS in results:
        results[INSTANCE_MAPS] = [function(instances) for instances in results[INSTANCE_MAPS]]


def image_shape(results: dict) -> Tuple[int, int]:
    """Return (height, width) of the images of a sample, pixels.

    Example:
        >>> image_shape(dict(img=np.zeros((4, 6, 3), np.uint8)))
        (4, 6)
    """
    return sample_images(results)[0].shape[:2]


def camera_record(results: dict) -> dict:
    """Return the record of the camera that monocular loading reads, as in mmdet3d.

    Args:
        results: results of a pipeline, or a sample's information from the dataset.

    Returns:
        The record of ``'CAM2'`` or, without one, of the first camera.

    Example:
        >>> camera_record(dict(images=dict(CAM_FRONT=dict(img_path='a.jpg'))))
        {'img_path': 'a.jpg'}
    """
    images = results['images']
    return images[CAMERA] if CAMERA in images else next(iter(images.values()))
