"""Retrieval among embedded images as an mmengine metric."""
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmdet3d.registry import METRICS
from mmengine.logging import print_log

from ..benchmarks.retrieval.embedding_files import write_embeddings
from ..benchmarks.retrieval.evaluation import RECALL_AT, check_recall_at, evaluate_retrieval
from ..errors import InputError
from .table_metric import TableMetric


@METRICS.register_module()
class RetrievalMetric(TableMetric):
    """Recall@k and mAP@R of an embedding, see ``docs/evaluation.md``.

    Every image of the set is a query among all other images. Samples hold ``pred_embedding``
    (D,), ``label`` and ``name``. The table is logged, and the figures in percent are returned
    as ``retrieval/R@1``, ..., ``retrieval/mAP@R``.

    Args:
        recall_at: numbers of neighbours k of Recall@k.
        result_dir: folder to write ``embeddings.npz`` to.
        collect_device: device on which the results of all ranks are gathered.
        prefix: prefix of the keys in place of ``retrieval``.

    Raises:
        InputError: an image has no label, no embedding or an embedding with NaN; the set has at
            most k images; or no class has two images.

    Example:
        >>> from contextlib import redirect_stdout
        >>> from io import StringIO
        >>> import torch
        >>> metric = RetrievalMetric(recall_at=(1, 2))
        >>> metric.dataset_meta = dict(classes=('bus', 'van'))
        >>> for name, label, place in (('a', 0, 0.), ('b', 0, 1.), ('c', 1, 3.), ('d', 0, 4.5)):
        ...     metric.process({}, [dict(
        ...         name=name, label=label, pred_embedding=torch.tensor([place]))])
        >>> with redirect_stdout(StringIO()):  # hide the logged table
        ...     figures = metric.evaluate(4)
        >>> figures['retrieval/R@2'], round(figures['retrieval/mAP@R'], 2)
        (100.0, 41.67)
    """

    default_prefix = 'retrieval'

    def __init__(self, recall_at: Sequence[int] = RECALL_AT, result_dir: Optional[str] = None,
                 collect_device: str = 'cpu', prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.recall_at = tuple(recall_at)
        self.result_dir = result_dir

    def check_size(self, size: int) -> None:
        """Check that a set is large enough, before the images are embedded.

        Args:
            size: number of images of the set.

        Raises:
            InputError: ``recall_at`` is empty, or one of its k is not from 1 to ``size - 1``.
        """
        check_recall_at(self.recall_at, size)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep each image's name, label and embedding."""
        for sample in data_samples:
            name = sample['name']
            if sample.get('label') is None:
                raise InputError(f'{name}: has no label to evaluate against; use a labelled set')
            if 'pred_embedding' not in sample:
                raise InputError(f'{name}: has no pred_embedding; RetrievalMetric needs a model '
                                 'that embeds images')
            embedding = sample['pred_embedding'].detach().float().cpu().numpy()
            if not np.isfinite(embedding).all():
                raise InputError(f'{name}: the embedding holds NaN or infinity; check the '
                                 'checkpoint and the image')
            self.results.append((name, int(sample['label']), embedding))

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Write the embeddings if there is a ``result_dir``, and return the figures."""
        names, labels, embeddings = zip(*results)
        embeddings = np.stack(embeddings)
        if self.result_dir is not None:
            path = Path(self.result_dir) / 'embeddings.npz'
            write_embeddings(path, embeddings, labels, names, self.dataset_meta['classes'])
            print_log(f'{len(names)} embeddings in {path}', 'current')
        evaluation = evaluate_retrieval(embeddings, labels, self.recall_at)
        self.log_table(evaluation.table())
        return evaluation.to_dict()
