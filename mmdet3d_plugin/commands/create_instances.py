"""Options of ``create_data.py instances``. They are read without torch."""
import argparse
import sys
from pathlib import Path

from ..cli.command_parser import ExampleFormatter
from ..cli.value_types import positive, score
from ..errors import InputError, visible


def add_instances(commands) -> None:
    """Add the subcommand ``instances`` to the parser of ``create_data.py``.

    Args:
        commands: return value of ``ArgumentParser.add_subparsers``.
    """
    parser = commands.add_parser(
        'instances', formatter_class=ExampleFormatter,
        help='segment people and vehicles with Mask R-CNN',
        description='Segment people and vehicles in every image of a folder with a detector of '
                    'torchvision and write a 16-bit PNG per image: class number x 1000 + id. '
                    'Finished images are skipped, so an interrupted run resumes. Unreadable '
                    'images are skipped and listed at the end, and the exit code is then 2.',
        epilog='examples:\n'
               '  python tools/create_data.py instances --root data/cityscapes\n'
               '  python tools/create_data.py instances --root data/kitti_raw --device cuda \\\n'
               "      --images '2011_09_26/*/image_02' --score 0.7")
    parser.add_argument('--root', type=Path, required=True, metavar='DIR',
                        help='data set folder')
    parser.add_argument('--model', default='maskrcnn_resnet50_fpn_v2', metavar='NAME',
                        help="torchvision's detector with masks (default: %(default)s)")
    parser.add_argument('--images', nargs='+', default=None, metavar='PATTERN',
                        help='folders or glob patterns of the images, relative to DIR (default: '
                             "the colour images in the layout of KITTI's raw data, KITTI's "
                             'object benchmark or Cityscapes, otherwise all PNG and JPEG files)')
    parser.add_argument('--out', type=Path, default=None, metavar='DIR',
                        help='output folder, which repeats the relative paths of the images '
                             '(default: instances in the data set folder)')
    parser.add_argument('--weights', default=None, metavar='PATH_OR_URL',
                        help="weights with COCO's classes (default: torchvision's, downloaded)")
    parser.add_argument('--score', type=score, default=.5, metavar='S',
                        help='lowest score of an instance (default: %(default)s)')
    parser.add_argument('--device', choices=['auto', 'cpu', 'cuda'], default='auto',
                        help='device (default: auto, which is a GPU if there is one)')
    parser.add_argument('--workers', type=positive, default=2, metavar='W',
                        help='threads that read images (default: %(default)s)')
    parser.add_argument('--overwrite', action='store_true',
                        help='remove the existing masks of the images first')
    parser.set_defaults(run=run_instances)


def run_instances(args: argparse.Namespace) -> None:
    """Write the instance maps of a folder of images.

    Raises:
        InputError: the folder holds no images, the model or its weights cannot be used, or the
            output folder holds masks of other settings.
        SystemExit: some images are unreadable.
    """
    # Imported here because only this command needs torch.
    from .instance_files import check_settings, find_images, write_instance_maps, write_settings
    from .instance_segmentation import InstanceSegmenter, default_weights
    out = args.out or args.root / 'instances'
    images = find_images(args.root, args.images, out)
    weights = args.weights or default_weights(args.model)
    settings = dict(model=args.model, weights=Path(weights).name, score=args.score)
    if not args.overwrite:
        check_settings(out, settings)
    waiting = {image: target for image, target in images.items()
               if args.overwrite or not target.exists()}
    problems = []
    if waiting:
        segment = InstanceSegmenter(args.model, weights, args.score, _device(args.device))
        for target in waiting.values():
            target.unlink(missing_ok=True)
        write_settings(out, settings)
        problems = write_instance_maps(waiting, segment, args.workers)
    for problem in problems:
        print(f'problem: {visible(problem)}')
    print(f'{out}: {len(waiting) - len(problems)} new instance maps, '
          f'{len(images) - len(waiting)} existing')
    if problems:
        print(f'{len(problems)} unreadable image{"s" * (len(problems) > 1)} skipped; restore and '
              'run the command again')
        sys.exit(2)


def _device(name: str) -> str:
    """Return the device of an option value, and check that it exists."""
    import torch
    if name == 'cuda' and not torch.cuda.is_available():
        raise InputError('--device cuda: PyTorch sees no GPU; use --device cpu')
    if name == 'auto':
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    return name
