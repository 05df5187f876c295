"""Evaluate embeddings: python tools/evaluate.py retrieval."""
import argparse
from pathlib import Path
from typing import Tuple

from ..benchmarks.retrieval.embedding_files import read_embeddings
from ..benchmarks.retrieval.evaluation import RECALL_AT, RetrievalEvaluation, evaluate_retrieval
from ..cli.command_parser import ExampleFormatter
from .evaluate_outputs import Curves, add_outputs

EXAMPLES = '''
examples:
  python tools/evaluate.py retrieval --embeddings results/embeddings.npz
  python tools/evaluate.py retrieval --embeddings results/embeddings.npz \\
      --recall-at 1 10 100 1000 --json figures.json

docs/evaluation.md defines all metrics and describes the file.
'''


def add_parser(benchmarks: argparse._SubParsersAction) -> None:
    """Add the parser of ``tools/evaluate.py retrieval``."""
    parser = benchmarks.add_parser(
        'retrieval', epilog=EXAMPLES, formatter_class=ExampleFormatter,
        help='Recall@k and mAP@R of embeddings',
        description='Compute Recall@k and mAP@R of a file of embeddings. Every image is a query '
                    'among all other images, by Euclidean distance.')
    parser.add_argument('--embeddings', required=True, metavar='FILE', type=Path,
                        help='.npz file of embeddings, as written by tools/test.py '
                             '--submission-dir')
    parser.add_argument('--recall-at', nargs='+', metavar='K', type=int, default=list(RECALL_AT),
                        help='numbers of neighbours of Recall@k (default: '
                             f'{" ".join(map(str, RECALL_AT))})')
    add_outputs(parser, plot=False)
    parser.set_defaults(evaluate=evaluate_embeddings)


def evaluate_embeddings(args: argparse.Namespace) -> Tuple[RetrievalEvaluation, Curves]:
    """Evaluate a file of embeddings and print the table."""
    data = read_embeddings(args.embeddings)
    evaluation = evaluate_retrieval(data.embeddings, data.labels, args.recall_at)
    print(evaluation.table())
    return evaluation, {}
