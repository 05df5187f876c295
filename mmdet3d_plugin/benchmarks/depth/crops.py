"""Named image crops for evaluation and training."""
from typing import Callable, Dict, Sequence, Tuple, Union

from ...errors import InputError

Bounds = Tuple[int, int, int, int]


def _shares(top: float, bottom: float, left: float, right: float) -> Callable[..., Bounds]:
    return lambda height, width: (int(top * height), int(bottom * height), int(left * width),
                                  int(right * width))


def _benchmark(height: int, width: int) -> Bounds:
    left = (width - 1216) // 2
    return height - 352, height, left, left + 1216


# (height, width) -> (top, bottom, left, right), pixels. Evaluation crops of KITTI and NYU as
# in BTS's bts_eval.py and monodepth2's evaluate_depth.py; NYU's are for 640x480 images.
# `kitti_benchmark` and `nyu_frame` are the parts that BTS trains on (bts_dataloader.py): the
# size of KITTI's benchmark images, and NYU without the blank border that registering depth
# with colour leaves. Cityscapes is evaluated at ('cityscapes_top', 'cityscapes'), as in
# ManyDepth (Watson et al. 2021): without the bottom quarter, which shows the car's bonnet, and
# then without the border of the remaining 768x2048 pixels. Training uses 'cityscapes_top'.
CROPS: Dict[str, Callable[[int, int], Bounds]] = dict(
    garg=_shares(0.40810811, 0.99189189, 0.03594771, 0.96405229),
    eigen=_shares(0.3324324, 0.91351351, 0.0359477, 0.96405229),
    nyu=lambda height, width: (45, 471, 41, 601),
    kitti_benchmark=_benchmark,
    nyu_frame=lambda height, width: (45, 472, 43, 608),
    cityscapes_top=_shares(0., 0.75, 0., 1.),
    cityscapes=lambda height, width: (256, height, 192, 1856))


def crop_bounds(names: Union[str, Sequence[str]], size: Tuple[int, int]) -> Bounds:
    """Return the rows and columns of a crop.

    Args:
        names: key of :data:`CROPS`, or several keys; each further crop is applied to the
            result of the previous one. BTS and NeWCRFs evaluate KITTI at
            ``('kitti_benchmark', 'garg')``, monodepth2 at ``'garg'``.
        size: (height, width) of the image, pixels.

    Returns:
        (top, bottom, left, right), pixels; bottom and right are excluded.

    Raises:
        InputError: there is no such crop, or the image is too small for it.

    Example:
        >>> crop_bounds('nyu', (480, 640))
        (45, 471, 41, 601)
        >>> crop_bounds(('kitti_benchmark', 'garg'), (375, 1242))
        (166, 372, 56, 1185)
    """
    top, bottom, left, right = 0, size[0], 0, size[1]
    for name in [names] if isinstance(names, str) else names:
        if name not in CROPS:
            raise InputError(f'there is no crop {name!r}; choose from {", ".join(CROPS)}')
        height, width = bottom - top, right - left
        part = CROPS[name](height, width)
        if not (0 <= part[0] < part[1] <= height and 0 <= part[2] < part[3] <= width):
            raise InputError(f'crop {name!r} does not fit an image of {width}x{height}; choose '
                             'the crop of the data set')
        top, bottom, left, right = top + part[0], top + part[1], left + part[2], left + part[3]
    return top, bottom, left, right
