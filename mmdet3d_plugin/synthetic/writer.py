"""Writer of synthetic sets in KITTI's layout.

A frame depends only on the seed, its split and its number in the split. The files are therefore
the same for any number of workers and after an interruption.
"""
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Iterator, List

import cv2
import numpy as np
from tqdm import tqdm

from ..benchmarks.clips.poses import write_poses
from ..benchmarks.clips.sequences import write_sequences
from ..benchmarks.clips.tracks import write_tracks
from ..benchmarks.depth.map_files import KITTI_SCALE, LARGEST_VALUE, encode_depth_map
from ..benchmarks.kitti.calibration import KittiCalibration, write_calibration
from ..benchmarks.kitti.labels import write_objects
from ..benchmarks.kitti.splits import write_split
from ..errors import InputError
from ..utils.files import atomic_path, atomic_write
from .camera import KITTI_SIZE, Camera, kitti_camera
from .labels import frame_objects
from .render import RenderedFrame, render_frame
from .scene import sample_scene, user_tracks
from .set_folder import claim_folder, each_in_workers

MANIFEST = 'synthetic.json'
# Part of the manifest: increase it whenever the same arguments give other bytes.
GENERATOR_VERSION = 3
SPLITS = ('train', 'val')
DEPTH_LIMIT = (LARGEST_VALUE + .5) / KITTI_SCALE  # metres; 16 bits hold smaller depths only
# (folder, suffix) of all files of a frame, in the order in which they are written.
FRAME_FILES = (('image_2', '.png'), ('depth_2', '.png'), ('instance_2', '.png'),
               ('calib', '.txt'), ('label_2', '.txt'))


@dataclass(frozen=True)
class SyntheticSet:
    """Content of a synthetic set. Equal values give equal files.

    Attributes:
        num_train, num_val: number of frames per split, multiples of ``sequence_length``.
        seed: seed of all random numbers.
        width, height: image size, pixels.
        sequence_length: number of consecutive frames per clip; 1 for single images.

    Raises:
        InputError: there is no frame, or a number of frames is not a multiple of
            ``sequence_length``.

    Example:
        >>> content = SyntheticSet(num_train=4, num_val=2, sequence_length=2)
        >>> content.frames('val')
        ['000004', '000005']
    """
    num_train: int
    num_val: int
    seed: int = 0
    width: int = KITTI_SIZE[0]
    height: int = KITTI_SIZE[1]
    sequence_length: int = 1

    def __post_init__(self) -> None:
        if self.num_train + self.num_val == 0:
            raise InputError('--num-train and --num-val are both 0; ask for at least one frame')
        for option, count in (('--num-train', self.num_train), ('--num-val', self.num_val)):
            if count % self.sequence_length:
                raise InputError(f'{option} {count} is not a multiple of --sequence-length '
                                 f'{self.sequence_length}; frames come in whole clips')

    def clips(self) -> Iterator['Clip']:
        """Iterate over all clips, those of the training split first."""
        first_frame = 0
        for split, count in zip(SPLITS, (self.num_train, self.num_val)):
            for index in range(count // self.sequence_length):
                yield Clip(split, index, first_frame, self.sequence_length)
                first_frame += self.sequence_length

    def frames(self, split: str) -> List[str]:
        """Return the frame names of a split, ``'train'`` or ``'val'``."""
        return [name for clip in self.clips() if clip.split == split for name in clip.frames]


# Sets of the ablations and of the demo. The training frames of the ablations are the first 240 of
# the demo. The validation frames are equal.
ABLATION_SET = SyntheticSet(num_train=240, num_val=60, seed=0)
DEMO_SET = SyntheticSet(num_train=480, num_val=60, seed=0)


@dataclass(frozen=True)
class Clip:
    """Consecutive frames of one scene.

    Attributes:
        split: ``'train'`` or ``'val'``.
        index: number of the clip in its split.
        first_frame: number of the first frame in the whole set.
        length: number of frames.
    """
    split: str
    index: int
    first_frame: int
    length: int

    @property
    def name(self) -> str:
        """Name of the clip in ``sequences.txt`` and of its files of poses and tracks."""
        return f'{self.first_frame // self.length:04d}'

    @property
    def frames(self) -> List[str]:
        """Frame names of the clip."""
        return [f'{self.first_frame + moment:06d}' for moment in range(self.length)]

    def generator(self, seed: int, *key: int) -> np.random.Generator:
        """Return the random generator of the clip's scene, or of one frame.

        Args:
            seed: seed of the set.
            key: index of a frame in the clip; without it, the generator of the scene.
        """
        spawn_key = (SPLITS.index(self.split), self.index, *key)
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=spawn_key))


def write_synthetic_set(out: Path, content: SyntheticSet, workers: int = 1,
                        overwrite: bool = False) -> None:
    """Write a synthetic set as a folder in KITTI's layout.

    Complete frames of an interrupted run are kept. Progress is shown on stderr.

    Args:
        out: folder of the set.
        content: number of frames, seed and image size.
        workers: number of processes, each on one core.
        overwrite: replace a synthetic set with other content in ``out``.

    Raises:
        InputError: ``out`` contains other files, or cannot be written.

    Example:
        >>> import tempfile
        >>> content = SyntheticSet(num_train=1, num_val=0, width=160, height=48)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_synthetic_set(Path(folder) / 'set', content)
        ...     sorted(path.name for path in Path(folder, 'set/training').iterdir())
        ['calib', 'depth_2', 'image_2', 'instance_2', 'label_2']
    """
    out = Path(out)
    claim_folder(out, MANIFEST, {'generator': GENERATOR_VERSION, **asdict(content)},
                 'synthetic set', ('ImageSets', 'training', 'poses', 'tracks', 'sequences.txt'),
                 ('training/*/.*', 'poses/.*', 'tracks/.*'), overwrite)
    clips = list(content.clips())
    write = partial(write_clip, out, content)
    with tqdm(total=len(clips) * content.sequence_length, unit='frame',
              desc=f'{out}') as progress:
        for clip in each_in_workers(write, clips, min(workers, len(clips))):
            progress.update(clip.length)
    if content.sequence_length > 1:
        write_sequences(out / 'sequences.txt', {clip.name: clip.frames for clip in clips})
    # The splits are written last: a folder with ImageSets is complete.
    splits = {split: content.frames(split) for split in SPLITS}
    splits['trainval'] = splits['train'] + splits['val']
    for split, names in splits.items():
        if names:
            write_split(out / 'ImageSets' / f'{split}.txt', names)


def write_clip(out: Path, content: SyntheticSet, clip: Clip) -> Clip:
    """Render and write the missing frames of a clip.

    Args:
        out: folder of the set.
        content: seed and image size of the set.
        clip: clip to write.

    Returns:
        ``clip``.
    """
    missing = [moment for moment, name in enumerate(clip.frames)
               if not _is_complete(out, name)]
    poses, tracks = (out / folder / f'{clip.name}.txt' for folder in ('poses', 'tracks'))
    is_sequence = clip.length > 1
    if not missing and (not is_sequence or (poses.exists() and tracks.exists())):
        return clip
    scene = sample_scene(clip.generator(content.seed), clip.length)
    camera = kitti_camera(content.width, content.height)
    for moment in missing:
        frame = render_frame(scene, moment, camera, clip.generator(content.seed, moment))
        _write_frame(out, clip.frames[moment], frame, camera)
    if is_sequence:
        write_poses(poses, scene.camera_poses)
        write_tracks(tracks, user_tracks(scene))
    return clip


def _is_complete(out: Path, name: str) -> bool:
    return all((out / 'training' / folder / f'{name}{suffix}').exists()
               for folder, suffix in FRAME_FILES)


def _write_frame(out: Path, name: str, frame: RenderedFrame, camera: Camera) -> None:
    paths = {folder: out / 'training' / folder / f'{name}{suffix}'
             for folder, suffix in FRAME_FILES}
    _write_png(paths['image_2'], frame.image[..., ::-1])
    atomic_write(paths['depth_2'], encode_depth(frame.depth))
    _write_png(paths['instance_2'], frame.instances)
    write_calibration(paths['calib'], KittiCalibration(camera.P2))
    write_objects(paths['label_2'], frame_objects(frame, camera))


def encode_depth(depth: np.ndarray) -> bytes:
    """Encode a rendered depth map as 16-bit PNG, with depths beyond 16 bits as unknown.

    Args:
        depth: (H, W), metres, 0 for the sky.

    Returns:
        Content of the PNG file.
    """
    return encode_depth_map(np.where(depth < DEPTH_LIMIT, depth, 0))


def _write_png(path: Path, pixels: np.ndarray) -> None:
    # For noisy images, Huffman coding alone is fastest and gives the smallest files.
    strategy = cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY if pixels.ndim == 3 \
        else cv2.IMWRITE_PNG_STRATEGY_DEFAULT
    with atomic_path(path) as temporary:
        if not cv2.imwrite(str(temporary), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1,
                                                    cv2.IMWRITE_PNG_STRATEGY, strategy]):
            raise InputError(f'{path}: could not be written; is the disk full?')
