"""Check of single values of labels: impossible values, and values in other units."""
from typing import List

import numpy as np

from .average_precision import NO_ALPHA
from .label_set import Finding, LabelSet

FULL_TURN = 2 * np.pi + .01  # radians; larger angles are degrees
LARGEST_HEIGHT = 10.  # metres; a larger median is in another unit
OCCLUSION_LEVELS = (-1, 0, 1, 2, 3)
TRACKING_LEVELS = (1, 2)  # truncation levels of KITTI's tracking labels, besides 0
MARGIN = 1  # pixels; boxes of KITTI's labels end at the last pixel


def value_findings(labels: LabelSet) -> List[Finding]:
    """Return the findings about single values, at most one per kind."""
    found = [_bad_size(labels), _empty_box(labels), _box_outside(labels),
             _degrees(labels, 'rotation_y'), _degrees(labels, 'alpha'), _truncation(labels),
             _occlusion(labels), _unit(labels)]
    return [finding for finding in found if finding.chosen.any()]


def missing_alphas(labels: LabelSet) -> List[Finding]:
    """Return the finding about labels without observation angle, if there are any."""
    chosen = labels.objects.alphas == NO_ALPHA
    return [Finding(chosen, f'with alpha {NO_ALPHA:g}', 'it has no observation angle, so AOS is '
                    'undefined')] if chosen.any() else []


def angles_of(labels: LabelSet, name: str) -> np.ndarray:
    """Return the (N,) angles ``'rotation_y'`` or ``'alpha'``; 0 for a missing alpha."""
    if name == 'rotation_y':
        return labels.objects.rotations_y
    return np.where(labels.objects.alphas == NO_ALPHA, 0., labels.objects.alphas)


def _bad_size(labels: LabelSet) -> Finding:
    return Finding((labels.objects.sizes_hwl <= 0).any(axis=1),
                   'with a size that is not positive', 'correct or remove the line')


def _empty_box(labels: LabelSet) -> Finding:
    boxes = labels.objects.boxes_2d
    return Finding((boxes[:, 2:] <= boxes[:, :2]).any(axis=1), 'with a 2D box without area',
                   'write left, top, right and bottom in pixels, or remove the line')


def _box_outside(labels: LabelSet) -> Finding:
    boxes, sizes = labels.objects.boxes_2d, labels.image_sizes
    outside = ((boxes[:, :2] < -MARGIN) | (boxes[:, 2:] > sizes + MARGIN)).any(axis=1)
    width, height = sizes[outside][0] if outside.any() else (0, 0)
    return Finding(outside, f'with a 2D box outside the image of {width:.0f}x{height:.0f}',
                   'clip the box to the image, or restore the image that was labelled')


def _degrees(labels: LabelSet, name: str) -> Finding:
    angles = angles_of(labels, name)
    return _beyond(np.abs(angles) > FULL_TURN, name, angles,
                   'it looks like degrees; write radians (degrees x pi / 180)')


def _truncation(labels: LabelSet) -> Finding:
    truncations = labels.objects.truncations
    beyond = truncations > 1
    kind = ("the levels of KITTI's tracking labels"
            if np.isin(truncations[beyond], TRACKING_LEVELS).all() else 'percent')
    return _beyond(beyond, 'truncation', truncations, f'it looks like {kind}; write the share of '
                   'the object outside the image, from 0 to 1')


def _occlusion(labels: LabelSet) -> Finding:
    levels = labels.objects.occlusions
    return _beyond(~np.isin(levels, OCCLUSION_LEVELS), 'occlusion', levels,
                   'it looks like percent or another scale; write a level: 0 fully visible, 1 '
                   'partly, 2 largely occluded, 3 unknown')


def _unit(labels: LabelSet) -> Finding:
    heights = labels.objects.sizes_hwl[:, 0]
    large = heights > LARGEST_HEIGHT
    return _beyond(large & (2 * large.sum() > len(heights)), 'height', heights,
                   'it looks like centimetres or millimetres; write sizes and locations in metres')


def _beyond(chosen: np.ndarray, name: str, values: np.ndarray, meaning: str) -> Finding:
    """Return the finding about values, which shows the first one."""
    value = f'{values[chosen][0]:g}' if chosen.any() else ''
    return Finding(chosen, f'with {name} {value}', meaning)
