"""MLflow as a place of logs."""
import re
from typing import Any, Dict, Optional

from mmengine.registry import VISBACKENDS
from mmengine.visualization import MLflowVisBackend

REFUSED = re.compile(r'[^\w\-. :/]')  # characters that MLflow does not accept in names


@VISBACKENDS.register_module()
class MLflowBackend(MLflowVisBackend):
    """MLflowVisBackend that logs figures under names that MLflow accepts.

    Each other character becomes ``_``: ``retrieval/R@1`` is logged as ``retrieval/R_1``.

    Args:
        save_dir: set by the runner.
        tracking_uri: server or database, such as ``'http://localhost:5000'`` or
            ``'sqlite:///mlflow.db'``. Further arguments are those of ``MLflowVisBackend``.
    """

    def __init__(self, save_dir: str, tracking_uri: str, **options: Any) -> None:
        super().__init__(save_dir, tracking_uri=tracking_uri, **options)

    def add_scalar(self, name: str, value: Any, step: int = 0, **options: Any) -> None:
        """Log one figure."""
        super().add_scalar(REFUSED.sub('_', name), value, step, **options)

    def add_scalars(self, scalar_dict: Dict[str, Any], step: int = 0,
                    file_path: Optional[str] = None, **options: Any) -> None:
        """Log figures."""
        accepted = {REFUSED.sub('_', name): value for name, value in scalar_dict.items()}
        super().add_scalars(accepted, step, file_path, **options)
