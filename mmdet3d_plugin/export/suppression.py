"""Non-maximum suppression with fixed shapes.

Notation: B images, N boxes per image.
"""
import torch


def kept_boxes(boxes: torch.Tensor, labels: torch.Tensor, max_iou: float) -> torch.Tensor:
    """Return which boxes greedy non-maximum suppression per class keeps.

    The result is that of torchvision's ``batched_nms``, as a mask instead of a list. A box is
    kept if no kept box before it overlaps it. N - 1 updates of all boxes at once decide
    this exactly: update n is final for the first n + 1 boxes.

    Args:
        boxes: (B, N, 4) left, top, right, bottom, by descending score.
        labels: (B, N) classes.
        max_iou: largest IoU of two kept boxes of a class.

    Returns:
        (B, N) float32, 1 for kept boxes and 0 for others.

    Example:
        The first box suppresses the second, so the second cannot suppress the third.

        >>> boxes = torch.tensor([[[0., 0., 10., 10.], [0., 0., 10., 6.], [0., 0., 10., 4.]]])
        >>> kept_boxes(boxes, torch.zeros(1, 3, dtype=torch.long), max_iou=0.5)
        tensor([[1., 0., 1.]])
    """
    overlaps = pairwise_ious(boxes) > max_iou
    count = int(boxes.shape[1])
    before = torch.ones(count, count, dtype=torch.bool, device=boxes.device).triu(diagonal=1)
    suppresses = (overlaps & (labels[:, :, None] == labels[:, None, :]) & before).float()
    kept = torch.ones_like(boxes[:, :, 0])
    for _ in range(count - 1):
        kept = ((kept[:, None] @ suppresses)[:, 0] == 0).float()
    return kept


def pairwise_ious(boxes: torch.Tensor) -> torch.Tensor:
    """Return the (B, N, N) IoUs of the boxes (B, N, 4) of each image."""
    low = torch.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    high = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    areas = (boxes[..., 2:] - boxes[..., :2]).prod(dim=-1)
    return shared / (areas[:, :, None] + areas[:, None, :] - shared)
