"""Sets of points for the tests of piecewise-linear manifolds."""
import math

import torch


def noisy_sheet(count, size, dim, noise, seed=0):
    """Return points around a flat sheet in a random direction, (count, size) float64."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.double)

    axes = torch.linalg.qr(draw(size, dim)).Q
    return draw(count, dim) @ axes.T + noise * draw(count, size) / math.sqrt(size)


def unit_points(count, size, seed=0):
    """Return random unit vectors, float64."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(count, size, generator=generator, dtype=torch.double)
    return torch.nn.functional.normalize(points, dim=1)


def swiss_roll(count, seed=0):
    """Return points (count, 3) of a roll, and their angle along the roll."""
    generator = torch.Generator().manual_seed(seed)
    uniform = torch.rand(2, count, generator=generator, dtype=torch.double)
    angle = 1.5 * math.pi * (1 + 2 * uniform[0])
    points = torch.stack([angle * angle.cos(), 21 * uniform[1], angle * angle.sin()], dim=1)
    return points / 10, angle
