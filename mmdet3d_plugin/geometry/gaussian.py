"""Gaussian heatmap targets for all objects of a batch at once.

The same numbers as mmdet3d's ``gaussian_radius`` and ``draw_heatmap_gaussian``,
which take one object at a time.
"""
import torch


def gaussian_radius(heights: torch.Tensor, widths: torch.Tensor, min_overlap: float = 0.7,
                    exact: bool = False) -> torch.Tensor:
    """Largest shift of a box's corners that keeps its IoU above ``min_overlap``.

    Args:
        heights, widths: (M,) box sizes, pixels of the heatmap.
        min_overlap: IoU bound (CornerNet, section 3.2).
        exact: solves the equations as mmdet does. CornerNet's released code, and
            those who follow it, take larger roots.

    Returns:
        (M,) radius, pixels of the heatmap, not rounded.
    """
    total, area = heights + widths, heights * widths

    def root(a: float, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        discriminant = torch.sqrt(b ** 2 - 4 * a * c)
        if exact:
            # Of the last equation, whose c is negative, the positive root.
            return (b + torch.sign(-b) * discriminant) / (2 * a)
        # CornerNet's released code divides by 2 whatever `a` is.
        return (b + discriminant) / 2

    both_inside = root(1, total, area * (1 - min_overlap) / (1 + min_overlap))
    one_inside = root(4, 2 * total, (1 - min_overlap) * area)
    both_outside = root(4 * min_overlap, -2 * min_overlap * total, (min_overlap - 1) * area)
    return torch.minimum(torch.minimum(both_inside, one_inside), both_outside)


def draw_gaussians(planes: torch.Tensor, cells: torch.Tensor, radii: torch.Tensor,
                   num_planes: int, size: torch.Size) -> torch.Tensor:
    """Draws one truncated Gaussian an object; overlaps keep the maximum.

    Args:
        planes: (M,) long, the heatmap that each object is drawn in.
        cells: (M, 2) long, column and row of each peak, which has value 1.
        radii: (M,) long, half width of the drawn square; sigma is a sixth of
            the full width.
        num_planes: P, number of heatmaps.
        size: (H, W) of a heatmap.

    Returns:
        (P, H, W) float32 in [0, 1].
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
