"""Random labels, and detections that resemble them, of many frames."""
import numpy as np

from mmdet3d_plugin.benchmarks.waymo.objects import WaymoObjects


def random_labels(rng, num_frames, per_frame):
    count = num_frames * per_frame
    frames = np.repeat(np.arange(num_frames), per_frame)
    distance, angle = rng.uniform(3, 75, count), rng.uniform(-np.pi, np.pi, count)
    boxes = np.column_stack([
        distance * np.cos(angle), distance * np.sin(angle), rng.uniform(0, 1, count),
        rng.uniform([3, 1.5, 1.4], [5, 2.2, 2], (count, 3)), rng.uniform(-4, 4, count)])
    return WaymoObjects(
        segments=np.char.add('segment_', (frames // 5).astype(str)), timestamps=frames % 5,
        types=rng.choice([1, 2, 4], count), boxes=boxes, num_points=rng.integers(0, 20, count),
        difficulties=rng.choice([0, 0, 1, 2], count))


def random_detections(rng, labels, copies=2, spread=.3):
    """Shaken copies of the labels, and as many at random places of their frames."""
    count = len(labels)
    index = np.concatenate([np.tile(np.arange(count), copies), rng.permutation(count)])
    boxes = labels.boxes[index].copy()
    boxes[:, :3] += rng.normal(0, spread, (len(index), 3)) * [1, 1, .3]
    boxes[:, 3:6] *= rng.uniform(.9, 1.1, (len(index), 3))
    boxes[:, 6] += rng.normal(0, .3, len(index)) + rng.choice([0, np.pi], len(index), p=[.9, .1])
    boxes[copies * count:, :2] = rng.uniform(-60, 60, (count, 2))
    return WaymoObjects(
        segments=labels.segments[index], timestamps=labels.timestamps[index],
        types=np.where(rng.random(len(index)) < .95, labels.types[index], 1), boxes=boxes,
        scores=rng.random(len(index)).astype(np.float32))
