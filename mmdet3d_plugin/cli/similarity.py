"""Command line of tools/analysis/similarity.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser, ConfigAction
from .common_options import add_config_override

EXAMPLE = '''
example:
  python tools/analysis/similarity.py configs/plm/vehicles_128.py --split val \\
      --out work_dirs/similarity
  python tools/analysis/similarity.py --embeddings results/embeddings.npz
'''
DEFINITIONS = (
    'correlation: Pearson correlation of the similarity with the same-class indicator (1 or 0) '
    'over all ordered pairs of different images of a batch.',
    'difference: correlation minus that of the first row in the same batch.',
    'pair precision: share of pairs of one class among all pairs of an image and another image '
    'of its group.',
    'purity: share of the most frequent class in a group, image included, as a mean over the '
    'groups of all images. For clusters this is the usual purity.',
    "precision@K: share of an image's class among its K most similar images, as a mean over "
    'images. Equally similar images share the last places.',
    'group: the members of the piece at an image, the other images of its cluster, or its '
    'nearest neighbours. Other methods have no groups.',
    'number of clusters of k-means and Ward: the number of true classes in the batch.',
    "brackets: 95 % interval of the mean over batches (Student's t). Batches share images, so it "
    'covers their choice, not that of the image set.',
)
RULES = ('each', 'seed', 'share', 'all')
SPLITS = ('train', 'val', 'test')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Measure how similarities of images agree with their classes. The methods '
        'see the embeddings of a batch, but no label; k-means and Ward are given the number of '
        'classes. Batches are drawn as NeighbourhoodBatchSampler draws them. The table is '
        'printed, and written with a bar chart to DIR/similarity.md, similarity.json and '
        'similarity.png. '
        + ' '.join(text[0].upper() + text[1:] for text in DEFINITIONS),
        epilog=EXAMPLE, check=check_arguments)
    parser.add_argument('config', action=ConfigAction, nargs='?',
                        help='config file of an embedder, see configs/plm; its '
                        'PiecewiseLinearLoss, if any, sets the pieces. May be left out with '
                        '--embeddings')
    parser.add_argument('checkpoint', nargs='?',
                        help='checkpoint file or URL (default: the model as initialised, with the '
                        'pre-trained weights that the config names and seed 0 for the others)')
    parser.add_argument('--embeddings', metavar='FILE.npz', type=Path,
                        help='embeddings, labels and names, as written by tools/test.py '
                        '--submission-dir, instead of a model')
    parser.add_argument('--split', choices=SPLITS, default='val',
                        help='image set of the config (default: %(default)s)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/similarity'), metavar='DIR',
                        help='output folder (default: %(default)s)')
    parser.add_argument('--seeds', type=int, default=30, metavar='N',
                        help='number of batches, drawn with the random seeds 0 to N - 1 (default: '
                        '%(default)s)')
    parser.add_argument('--batch', type=int, nargs=2, default=(24, 5), metavar=('S', 'K'),
                        help='a batch has S random images and K - 1 nearest neighbours of each '
                        '(default: 24 5)')
    parser.add_argument('--nearest', type=int, default=3, metavar='K',
                        help='neighbours in the method "K nearest" (default: %(default)s)')
    parser.add_argument('--ranks', type=int, nargs='+', default=(3, 5, 10), metavar='K',
                        help='values of precision@K (default: 3 5 10)')
    parser.add_argument('--rules', nargs='+', choices=RULES, default=('each', 'seed', 'share'),
                        help='threshold rules of the pieces (default: each seed share)')
    add_config_override(parser)
    return parser


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Check the options that depend on each other."""
    if args.config is None and args.embeddings is None:
        parser.error('expected a config, or --embeddings FILE.npz')
    if args.checkpoint and args.embeddings:
        parser.error('expected either a checkpoint or --embeddings')
    if min(args.seeds, args.batch[0], args.nearest, *args.ranks) < 1 or args.batch[1] < 2:
        parser.error('--seeds, --batch, --nearest and --ranks: expected at least 1, and at least '
                     '2 images per neighbourhood')
    if max(args.ranks) >= args.batch[0] * args.batch[1]:
        parser.error(f'--ranks: {max(args.ranks)} of the other images, but a batch of '
                     f'--batch {args.batch[0]} {args.batch[1]} has '
                     f'{args.batch[0] * args.batch[1] - 1}; lower --ranks or raise --batch')
