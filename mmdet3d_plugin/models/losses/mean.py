"""Mean that returns a differentiable zero for an empty tensor."""
import torch


def mean_or_zero(values: torch.Tensor) -> torch.Tensor:
    """Return the mean of all values, or a differentiable zero for an empty tensor.

    The zero keeps the graph: a rank without objects then joins the gradient reduction of the
    other ranks.

    Args:
        values: any shape.

    Returns:
        A scalar.

    Example:
        >>> import torch
        >>> mean_or_zero(torch.tensor([1., 3.]))
        tensor(2.)
        >>> mean_or_zero(torch.zeros(0, 3, requires_grad=True))
        tensor(0., grad_fn=<SumBackward0>)
    """
    return values.mean() if values.numel() else values.sum()
