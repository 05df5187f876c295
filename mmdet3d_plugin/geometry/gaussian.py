"""Gaussian heatmap targets for all objects of a batch at once.

The results equal those of mmdet3d's ``gaussian_radius`` and ``draw_heatmap_gaussian``, which
take one object at a time.
"""
import torch


def gaussian_radius(heights: torch.Tensor, widths: torch.Tensor, min_overlap: float = 0.7,
                    exact: bool = False) -> torch.Tensor:
    """Return the largest shift of a box's corners that keeps its IoU above ``min_overlap``.

    Args:
        heights: (M,) box heights, pixels of the heatmap.
        widths: (M,) box widths, pixels of the heatmap.
        min_overlap: minimum IoU (CornerNet, section 3.2).
        exact: solve the quadratic equations exactly, as mmdet does. By default the radius is
            the larger one of CornerNet's released code, which MonoDLE and MonoLSS share.

    Returns:
        (M,) radius, pixels of the heatmap, not rounded.

    Example:
        >>> import torch
        >>> height, width = torch.tensor([10.]), torch.tensor([20.])
        >>> gaussian_radius(height, width)
        tensor([3.6779])
        >>> gaussian_radius(height, width, exact=True)
        tensor([1.0774])
    """
    total, area = heights + widths, heights * widths

    def root(a: float, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        discriminant = torch.sqrt(b ** 2 - 4 * a * c)
        if exact:
            # The last equation has b < 0 and c < 0 and needs its positive root.
            return (b + torch.sign(-b) * discriminant) / (2 * a)
        # CornerNet's released code divides by 2 whatever `a` is.
        return (b + discriminant) / 2

    both_inside = root(1, total, area * (1 - min_overlap) / (1 + min_overlap))
    one_inside = root(4, 2 * total, (1 - min_overlap) * area)
    both_outside = root(4 * min_overlap, -2 * min_overlap * total, (min_overlap - 1) * area)
    return torch.minimum(torch.minimum(both_inside, one_inside), both_outside)


def draw_gaussians(planes: torch.Tensor, cells: torch.Tensor, radii: torch.Tensor,
                   num_planes: int, size: torch.Size) -> torch.Tensor:
    """Draw one truncated Gaussian per object; overlapping Gaussians keep the maximum.

    Args:
        planes: (M,) long, index of the heatmap of each object.
        cells: (M, 2) long, column and row of each peak. The peak's value is 1.
        radii: (M,) long, radius r of each Gaussian. Cells further than r from the peak along
            either axis are 0, and sigma is ``(2 r + 1) / 6``.
        num_planes: P, number of heatmaps.
        size: (H, W) of a heatmap.

    Returns:
        (P, H, W) float32 in [0, 1].

    Example:
        >>> import torch
        >>> draw_gaussians(torch.tensor([0]), torch.tensor([[2, 0]]), torch.tensor([1]),
        ...                num_planes=1, size=(2, 5))
        tensor([[[0.0000, 0.1353, 1.0000, 0.1353, 0.0000],
                 [0.0000, 0.0183, 0.1353, 0.0183, 0.0000]]])
    """
    height, width = size
    device = cells.device

    def profile(length: int, peaks: torch.Tensor) -> torch.Tensor:
        distance = torch.arange(length, device=device)[None] - peaks[:, None]
        sigma = (2 * radii[:, None] + 1) / 6
        value = torch.exp(-distance ** 2 / (2 * sigma ** 2))
        return value * (distance.abs() <= radii[:, None])

    drawn = profile(height, cells[:, 1])[:, :, None] * profile(width, cells[:, 0])[:, None]
    heatmaps = drawn.new_zeros(num_planes, height, width)
    return heatmaps.scatter_reduce_(0, planes[:, None, None].expand_as(drawn), drawn, 'amax')
