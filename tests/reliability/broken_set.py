"""KITTI folder of 40 frames with two broken images."""
from pathlib import Path

from tiny_kitti import write_kitti

FRAMES = [f'{index:06d}' for index in range(40)]
# The header, which holds the size, stays whole.
BROKEN = {
    '000006': lambda content: content[:len(content) // 2],
    '000031': lambda content: (content[:len(content) // 2] + bytes(64)
                               + content[len(content) // 2 + 64:]),
}


def write_broken_kitti(root: Path) -> Path:
    write_kitti(root, {name: [('Car', 1., 1.6, 15., .1)] for name in FRAMES})
    for name, change in BROKEN.items():
        path = root / f'training/image_2/{name}.png'
        path.write_bytes(change(path.read_bytes()))
    return root
