"""Instance segmentation with the detectors of torchvision."""
from typing import List

import numpy as np
import torch
from torchvision.models import detection, get_model, get_model_weights, list_models

from ..benchmarks.clips.instance_maps import CLASS_FACTOR
from ..engine.checkpoint_content import weights_of
from ..engine.safe_loading import load_from_http, load_plain_checkpoint
from ..errors import InputError

# COCO's name -> Cityscapes' label id. COCO has no riders: they are persons.
CLASS_NUMBERS = {'person': 24, 'car': 26, 'truck': 27, 'bus': 28, 'train': 31, 'motorcycle': 32,
                 'bicycle': 33}


def models_with_masks() -> List[str]:
    """Return the names of torchvision's detectors that predict masks.

    Example:
        >>> models_with_masks()
        ['maskrcnn_resnet50_fpn', 'maskrcnn_resnet50_fpn_v2']
    """
    return [name for name in list_models(module=detection) if name.startswith('maskrcnn')]


def default_weights(model: str) -> str:
    """Return the URL of torchvision's weights of a detector, trained on COCO.

    Args:
        model: one of :func:`models_with_masks`.

    Raises:
        InputError: torchvision has no such detector with masks.

    Example:
        >>> default_weights('maskrcnn_resnet50_fpn_v2').rsplit('/', 1)[1]
        'maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth'
    """
    check_model(model)
    return get_model_weights(model).DEFAULT.url


def check_model(model: str) -> None:
    """Check that torchvision has a detector with masks of this name.

    Raises:
        InputError: it has none.
    """
    if model not in models_with_masks():
        raise InputError(f'--model {model}: not a detector of torchvision with masks; choose '
                         f'{" or ".join(models_with_masks())}')


class InstanceSegmenter:
    """Function from an image to its instance map, by a detector of torchvision.

    People and vehicles of COCO's classes get the class numbers of Cityscapes.

    Args:
        model: one of :func:`models_with_masks`.
        weights: path or URL of its weights. They are loaded without executing code.
        score: lowest score of an instance.
        device: device of the detector.

    Raises:
        InputError: the detector is unknown, or the weights are missing or do not fit.
    """

    def __init__(self, model: str, weights: str, score: float = .5, device: str = 'cpu') -> None:
        check_model(model)
        categories = get_model_weights(model).DEFAULT.meta['categories']
        self.class_numbers = np.array([CLASS_NUMBERS.get(name, 0) for name in categories])
        self.device = torch.device(device)
        # Suppression of overlaps starts at the highest score, so the threshold can come first.
        self.model = get_model(model, weights=None, weights_backbone=None,
                               num_classes=len(categories), box_score_thresh=score)
        load_weights(self.model, weights)
        self.model.to(self.device).eval()

    @torch.inference_mode()
    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Segment an image.

        Args:
            image: (H, W, 3) uint8, RGB.

        Returns:
            (H, W) uint16 instance map, see :func:`merge_masks`.
        """
        tensor = torch.from_numpy(image).to(self.device).permute(2, 0, 1).float() / 255
        found, = self.model([tensor])
        masks = (found['masks'][:, 0] >= .5).cpu().numpy()
        return merge_masks(masks, self.class_numbers[found['labels'].cpu().numpy()],
                           found['scores'].cpu().numpy())


def load_weights(model: torch.nn.Module, weights: str) -> None:
    """Load a checkpoint of plain weights into a model.

    Args:
        model: the model.
        weights: path or URL. Weights may be in the entry ``model`` or ``state_dict``.

    Raises:
        InputError: the file is missing, cannot be downloaded, executes code, or is of another
            model.
    """
    if weights.startswith(('http://', 'https://')):
        try:
            content = load_from_http(weights, 'cpu')
        except InputError as error:
            raise InputError(f'{error}, or pass a file with --weights') from None
    else:
        content = load_plain_checkpoint(weights)
    try:
        model.load_state_dict(weights_of(content, weights, ('model', 'state_dict')))
    except (RuntimeError, TypeError) as error:
        reason = ' '.join(str(error).split())[:160]
        raise InputError(f"{weights}: not the weights of this model with COCO's classes "
                         f'({reason}); check --model and --weights') from None


def merge_masks(masks: np.ndarray, class_numbers: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Merge the masks of an image into one map; where masks overlap, the highest score wins.

    Args:
        masks: (n, H, W) bool.
        class_numbers: (n,), 0 for classes to leave out.
        scores: (n,).

    Returns:
        (H, W) uint16: class number * 1000 + id, and 0 for the background. The ids of each class
        count from 0, the highest score first. Instances without a pixel of their own get no
        id. torchvision's detectors find at most 100 instances.

    Example:
        >>> masks = np.array([[[True, True, False]], [[False, True, True]]])
        >>> merge_masks(masks, np.array([26, 26]), np.array([.6, .9])).tolist()
        [[26001, 26000, 26000]]
    """
    merged = np.zeros(masks.shape[1:], np.uint16)
    counts = dict.fromkeys(class_numbers.tolist(), 0)
    for index in np.argsort(-scores, kind='stable'):
        number = int(class_numbers[index])
        own = masks[index] & (merged == 0)
        if not number or not own.any():
            continue
        merged[own] = number * CLASS_FACTOR + counts[number]
        counts[number] += 1
    return merged
