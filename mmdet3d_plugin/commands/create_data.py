"""Render, check or convert data sets: python tools/create_data.py COMMAND [options]."""
import argparse
import os
import sys
from pathlib import Path
from typing import Optional

# One thread per worker process: numpy's threads do not speed up work on images. The variable
# must be set before numpy is imported, and workers inherit it.
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

from ..benchmarks.kitti.calibration import CAMERAS
from ..cli.command_parser import CommandParser, ExampleFormatter
from ..cli.value_types import image_size, non_negative, positive
from ..errors import InputError
from ..utils.processes import available_cores
from .create_instances import add_instances
from .create_vehicles import add_vehicles


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Render synthetic data sets, check downloaded data sets, or convert them; '
        'see docs/data.md and docs/datasets.md.',
        epilog='Run "python tools/create_data.py COMMAND --help" for the options and an example '
        'of a command.')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    _add_synthetic(commands)
    _add_kitti(commands)
    _add_kitti_depth(commands)
    _add_kitti_raw(commands)
    _add_cityscapes(commands)
    _add_nyu(commands)
    _add_waymo(commands)
    _add_custom(commands)
    _add_vkitti2(commands)
    _add_dair_v2x(commands)
    add_instances(commands)
    add_vehicles(commands)
    return parser


def _add_synthetic(commands) -> None:
    parser = commands.add_parser(
        'synthetic', formatter_class=ExampleFormatter,
        help='render street scenes with exact labels',
        description="Render street scenes with exact labels in KITTI's layout. The same options "
                    'give the same bytes. An interrupted run resumes where it stopped.',
        epilog='example:\n  python tools/create_data.py synthetic --out data/synthetic \\\n'
               '      --num-train 300 --num-val 60 --seed 0')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help='output folder')
    parser.add_argument('--num-train', type=non_negative, required=True, metavar='N',
                        help='number of frames in the train split')
    parser.add_argument('--num-val', type=non_negative, required=True, metavar='M',
                        help='number of frames in the val split')
    parser.add_argument('--seed', type=non_negative, default=0, metavar='S',
                        help='random seed (default: %(default)s)')
    parser.add_argument('--size', type=image_size, default=(1242, 375), metavar='WxH',
                        help='image size in pixels (default: 1242x375)')
    parser.add_argument('--sequence-length', type=positive, default=1, metavar='L',
                        help='frames per clip, 0.1 s apart, with ego motion and poses; N and M '
                             'must be multiples of L (default: 1, unrelated frames)')
    parser.add_argument('--workers', type=positive, default=None, metavar='W',
                        help='worker processes (default: one per available core)')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace an existing synthetic data set in DIR')
    parser.set_defaults(run=run_synthetic)


def _add_kitti(commands) -> None:
    parser = commands.add_parser(
        'kitti', formatter_class=ExampleFormatter,
        help="check a folder in KITTI's layout and print statistics",
        description="Check a folder in KITTI's layout for missing and unreadable files, wrong "
                    'field counts, labels with another meaning than KITTI\'s (units, coordinate '
                    'frames), calibrations of other images and bad splits, and print statistics '
                    'per class. The exit code is 0 without problems and 2 with problems.',
        epilog='examples:\n  python tools/create_data.py kitti --root data/kitti\n'
               "  # KITTI's download has no split files\n"
               '  python tools/create_data.py kitti --root data/kitti --write-splits')
    _add_check_arguments(parser, 'data set folder with training/ and ImageSets/',
                         'ImageSets/*.txt, or all frames without such files')
    parser.add_argument('--camera', default='P2', choices=CAMERAS,
                        help='camera of the images: P0 is image_0 and so on (default: P2)')
    parser.add_argument('--write-splits', nargs='?', const='', metavar='TRAIN_LIST',
                        help="first write KITTI's published splits to ImageSets/: train (3,712 "
                             'frames), val (3,769), trainval and test. The list of training '
                             'frames is downloaded, or read from this file')
    parser.set_defaults(run=run_kitti)


def _add_kitti_depth(commands) -> None:
    parser = commands.add_parser(
        'kitti-depth', formatter_class=ExampleFormatter,
        help="check KITTI's raw images and annotated depth maps",
        description='Check all files of the splits in raw/ and data_depth_annotated/: missing '
                    'drives, images, depth maps and calibrations, image sizes, and 16-bit depth. '
                    'The exit code is 0 without problems and 2 with problems.',
        epilog='example:\n  python tools/create_data.py kitti-depth --root data/kitti_depth')
    _add_check_arguments(parser, 'data set folder with raw/, data_depth_annotated/ and splits/',
                         'splits/*.txt')
    parser.set_defaults(run=run_kitti_depth)


def _add_kitti_raw(commands) -> None:
    parser = commands.add_parser(
        'kitti-raw', formatter_class=ExampleFormatter,
        help="check KITTI's raw drives for training on clips",
        description="Check all files in raw/ that Eigen and Zhou's lists need: missing drives, "
                    'images, neighbours and calibrations, and image sizes; for lists with "test" '
                    'in their name also the LiDAR scans or annotated depth maps. The exit code is '
                    '0 without problems and 2 with problems.',
        epilog='example:\n  python tools/create_data.py kitti-raw --root data/kitti_raw')
    _add_check_arguments(parser, 'data set folder with raw/ and splits/', 'splits/*.txt')
    parser.set_defaults(run=run_kitti_raw)


def _add_cityscapes(commands) -> None:
    parser = commands.add_parser(
        'cityscapes', formatter_class=ExampleFormatter,
        help="check Cityscapes' sequences for training on clips",
        description='Check leftImg8bit_sequence/, camera/ and disparity/: snippets without '
                    'camera, malformed cameras, missing images and neighbours, image sizes, and '
                    '16-bit disparities. The exit code is 0 without problems and 2 with problems.',
        epilog='example:\n  python tools/create_data.py cityscapes --root data/cityscapes')
    _add_check_arguments(parser, 'data set folder with leftImg8bit_sequence/ and camera/',
                         'splits/*.txt, if there are any')
    parser.set_defaults(run=run_cityscapes)


def _add_nyu(commands) -> None:
    parser = commands.add_parser(
        'nyu', formatter_class=ExampleFormatter, help='check NYU Depth V2',
        description='Check all files of the splits in sync/, in official_splits/test/ (splits '
                    'with "test" in their name) and in nyu_depth_v2_labeled.mat (splits named '
                    '"labelled..."). The exit code is 0 without problems and 2 with problems.',
        epilog='example:\n  python tools/create_data.py nyu --root data/nyu')
    _add_check_arguments(parser, 'data set folder with sync/, official_splits/ and splits/',
                         'splits/*.txt')
    parser.add_argument('--splits-mat', type=Path, default=None, metavar='FILE',
                        help="first write splits/labelled_train.txt and "
                             "splits/labelled_test.txt from NYU's splits.mat")
    parser.set_defaults(run=run_nyu)


def _add_check_arguments(parser: argparse.ArgumentParser, root: str, splits: str) -> None:
    parser.add_argument('--root', type=Path, required=True, metavar='DIR', help=root)
    parser.add_argument('--split', type=Path, nargs='+', default=None, metavar='FILE',
                        help=f'split files to check (default: {splits})')
    parser.add_argument('--json', type=Path, default=None, metavar='OUT',
                        help='also write problems and statistics to this JSON file')


def _add_waymo(commands) -> None:
    parser = commands.add_parser(
        'waymo', formatter_class=ExampleFormatter, help="convert Waymo's Parquet release",
        description="Convert Waymo's Parquet release (v2) to images, JSON annotations and split "
                    'files. Finished segments are skipped. Images keep their original encoding.',
        epilog='example:\n  python tools/create_data.py waymo --root /data/waymo_v2 \\\n'
               '      --out data/waymo_mono --split training --every 3')
    parser.add_argument('--root', type=Path, required=True, metavar='WAYMO_PARQUET',
                        help='folder of the release, with training/camera_image and so on')
    parser.add_argument('--out', type=Path, default=Path('data/waymo_mono'), metavar='DIR',
                        help='output folder (default: %(default)s)')
    parser.add_argument('--split', choices=['training', 'validation'], nargs='+',
                        default=None,
                        help='splits to convert (default: all in WAYMO_PARQUET)')
    parser.add_argument('--camera', default='FRONT',
                        choices=['FRONT', 'FRONT_LEFT', 'FRONT_RIGHT', 'SIDE_LEFT', 'SIDE_RIGHT'],
                        help='camera to convert (default: FRONT)')
    parser.add_argument('--every', type=positive, default=1, metavar='N',
                        help='keep every N-th frame of a segment; papers train with 3 '
                             '(default: 1)')
    parser.add_argument('--workers', type=positive, default=None, metavar='W',
                        help='worker processes (default: one per available core)')
    parser.set_defaults(run=run_waymo)


def _add_custom(commands) -> None:
    parser = commands.add_parser(
        'custom', formatter_class=ExampleFormatter, help='check a JSON file with own labels',
        description='Check a JSON file of CustomMonoDataset (docs/custom_data.md), its images, '
                    'and the meaning of its labels, and print statistics per class. The exit code '
                    'is 0 without problems and 2 with problems.',
        epilog='example:\n  python tools/create_data.py custom --root data/yard/train.json')
    parser.add_argument('--root', type=Path, required=True, metavar='FILE', help='the JSON file')
    parser.add_argument('--json', type=Path, default=None, metavar='OUT',
                        help='also write problems and statistics to this JSON file')
    parser.set_defaults(run=run_custom)


def _add_vkitti2(commands) -> None:
    parser = commands.add_parser(
        'vkitti2', formatter_class=ExampleFormatter,
        help="convert Virtual KITTI 2 to KITTI's layout",
        description="Convert the left camera of Virtual KITTI 2 to KITTI's layout with split "
                    'files, and check the result as the command kitti does.',
        epilog='example:\n  python tools/create_data.py vkitti2 --root /data/vkitti2 \\\n'
               '      --out data/vkitti2 --conditions clone fog')
    parser.add_argument('--root', type=Path, required=True, metavar='DIR',
                        help='folder with Scene01/clone/pose.txt, Scene01/clone/frames and so on')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='output folder')
    parser.add_argument('--conditions', nargs='+', default=None, metavar='NAME',
                        help='conditions to convert, such as clone (default: all)')
    parser.add_argument('--val-scenes', nargs='+', default=None, metavar='NAME',
                        help='scenes for validation (default: the last one)')
    parser.set_defaults(run=run_vkitti2)


def _add_dair_v2x(commands) -> None:
    parser = commands.add_parser(
        'dair-v2x', formatter_class=ExampleFormatter,
        help="convert DAIR-V2X-I or Rope3D (roadside cameras) to KITTI's layout",
        description='Convert DAIR-V2X-I or Rope3D to KITTI\'s layout with split files, and check '
                    'the result as the command kitti does. Images, cameras and labels become '
                    'those of a virtual camera that looks level (docs/custom_data.md).',
        epilog='example:\n  python tools/create_data.py dair-v2x \\\n'
               '      --root /data/dair/single-infrastructure-side --out data/dair')
    parser.add_argument('--root', type=Path, required=True, metavar='DIR',
                        help='folder single-infrastructure-side of DAIR-V2X, or the folder of '
                             'Rope3D with training/ and validation/')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='output folder')
    parser.add_argument('--split-data', type=Path, default=None, metavar='FILE',
                        help="DAIR-V2X's split file (default: "
                             'single-infrastructure-split-data.json in --root)')
    parser.add_argument('--keep-tilt', action='store_true',
                        help='keep images and cameras; boxes then lean against the ground')
    parser.set_defaults(run=run_dair_v2x)


def run_synthetic(args: argparse.Namespace) -> None:
    """Render a synthetic data set."""
    # Imported here because only this command needs the renderer.
    from ..synthetic import SyntheticSet, write_synthetic_set
    width, height = args.size
    content = SyntheticSet(args.num_train, args.num_val, args.seed, width, height,
                           args.sequence_length)
    write_synthetic_set(args.out, content, args.workers or available_cores(), args.overwrite)
    print(f'{args.out}: {args.num_train} train and {args.num_val} val frames')


def run_kitti(args: argparse.Namespace) -> None:
    """Check a data set in KITTI's layout."""
    from ..benchmarks.kitti.folder_check import check_folder
    if args.write_splits is not None:
        from ..benchmarks.kitti.split_lists import TRAIN_URL, write_published_splits
        for path in write_published_splits(args.root, args.write_splits or TRAIN_URL,
                                           args.camera):
            print(f'{path}: written or already there')
    _finish_check(check_folder(args.root, args.split, args.camera), args.json)


def run_custom(args: argparse.Namespace) -> None:
    """Check a JSON file with own labels."""
    from ..benchmarks.custom.file_check import check_custom
    _finish_check(check_custom(args.root), args.json)


def run_vkitti2(args: argparse.Namespace) -> None:
    """Convert Virtual KITTI 2."""
    from ..benchmarks.vkitti2.converter import convert_vkitti2
    _convert(args.out, convert_vkitti2(args.root, args.conditions, args.val_scenes))


def run_dair_v2x(args: argparse.Namespace) -> None:
    """Convert DAIR-V2X-I or Rope3D."""
    from ..benchmarks.roadside.dair_v2x import dair_frames
    from ..benchmarks.roadside.frames import convert_frame
    from ..benchmarks.roadside.rope3d import is_rope3d, rope3d_frames
    if is_rope3d(args.root) and args.split_data is not None:
        raise InputError(f'{args.root}: Rope3D has the splits training and validation; leave '
                         '--split-data out')
    frames = (rope3d_frames(args.root) if is_rope3d(args.root)
              else dair_frames(args.root, args.split_data))
    _convert(args.out, (convert_frame(frame, not args.keep_tilt) for frame in frames))


def _convert(out: Path, frames) -> None:
    """Write converted frames in KITTI's layout, and check the result."""
    from ..benchmarks.kitti.folder_check import check_folder
    from ..benchmarks.kitti.set_writer import write_kitti_set
    print(write_kitti_set(out, frames))
    _finish_check(check_folder(out), None)


def run_kitti_depth(args: argparse.Namespace) -> None:
    """Check KITTI's raw images and depth maps."""
    from ..benchmarks.kitti.depth_folder_check import check_kitti_depth
    _finish_check(check_kitti_depth(args.root, args.split), args.json)


def run_kitti_raw(args: argparse.Namespace) -> None:
    """Check KITTI's raw drives for training on clips."""
    from ..benchmarks.kitti.raw_clip_check import check_kitti_raw
    _finish_check(check_kitti_raw(args.root, args.split), args.json)


def run_cityscapes(args: argparse.Namespace) -> None:
    """Check Cityscapes' sequences."""
    from ..benchmarks.cityscapes.folder_check import check_cityscapes
    _finish_check(check_cityscapes(args.root, args.split), args.json)


def run_nyu(args: argparse.Namespace) -> None:
    """Check NYU Depth V2."""
    from ..benchmarks.nyu.folder_check import check_nyu
    if args.splits_mat:
        from ..benchmarks.nyu.labelled_file import write_labelled_lists
        for path in write_labelled_lists(args.splits_mat, args.root / 'splits'):
            print(f'wrote {path}')
    _finish_check(check_nyu(args.root, args.split), args.json)


def _finish_check(report, path: Optional[Path]) -> None:
    """Print a check's report, write it to a file if wanted, and exit with 2 on problems."""
    import json

    from ..utils.files import atomic_write
    print(report.text())
    if path:
        atomic_write(path, json.dumps(report.as_dict(), indent=2) + '\n')
    if report.problems:
        sys.exit(2)


def run_waymo(args: argparse.Namespace) -> None:
    """Convert Waymo's Parquet release."""
    try:
        from ..benchmarks.waymo.converter import ConversionSettings, convert_waymo
    except ImportError as error:
        raise InputError(f'reading Parquet files needs pyarrow ({error}); pip install -r '
                         'requirements.txt') from error
    splits = args.split or [name for name in ('training', 'validation')
                            if (args.root / name).is_dir()]
    if not splits:
        raise InputError(f'{args.root}: holds neither training nor validation; --root is the '
                         'folder of the Parquet release')
    if args.every > 1 and args.split is None and 'validation' in splits:
        raise InputError(f'--every {args.every} would also drop validation frames; choose the '
                         'splits with --split')
    settings = ConversionSettings(args.camera, args.every)
    for split in splits:
        report = convert_waymo(args.root, args.out, split, settings,
                               args.workers or available_cores())
        print(f'{args.out}, {split}: {report.text()}')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    args.run(args)
