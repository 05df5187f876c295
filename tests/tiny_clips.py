"""A tiny set of rendered clips."""
from pathlib import Path

from mmdet3d_plugin.synthetic import SyntheticSet, write_synthetic_set

TINY_CLIPS = SyntheticSet(num_train=6, num_val=3, seed=1, width=96, height=32, sequence_length=3)


def write_clips(root: Path, content: SyntheticSet = TINY_CLIPS) -> Path:
    """Render a set of clips, by default 2 training clips and 1 validation clip of 3 frames.

    Frames are 000000 to 000002, 000003 to 000005 (the camera stands), and 000006 to 000008.
    Tests that share the fixture ``tiny_clips`` must not change its files.
    """
    write_synthetic_set(root, content)
    return root
