"""Slow plain-numpy implementation of pieces, similarities and losses, one point at a time."""
import numpy as np


def fit(differences, dim):
    """Return the PCA basis (D, r) through the origin; r <= dim is the rank."""
    directions, lengths, _ = np.linalg.svd(differences.T, full_matrices=False)
    rank = int((lengths > 1e-6 * max(lengths.max(initial=0), 1e-300)).sum())
    return directions[:, :min(dim, rank)]


def kept(differences, basis):
    """Return the squared lengths of differences inside a subspace."""
    return ((differences @ basis)**2).sum(axis=1)


def grow(points, anchor, dim, rule, threshold):
    """Return the basis and the list of members of the piece at one point."""
    differences = points - points[anchor]
    squared = (differences**2).sum(axis=1)
    order = [index for index in np.argsort(squared, kind='stable') if index != anchor]
    if rule == 'all':
        return fit(differences, dim), order
    members = order[:dim]
    basis = fit(differences[members], dim)
    for candidate in order[dim:]:
        tried = members + [candidate]
        if rule == 'seed':
            accepted = kept(differences[[candidate]], basis) >= (
                threshold - 1e-9) * squared[candidate]
        else:
            inside = kept(differences[tried], fit(differences[tried], dim))
            if rule == 'each':
                accepted = (inside >= (threshold - 1e-9) * squared[tried]).all()
            else:
                accepted = inside.sum() >= (threshold - 1e-9) * squared[tried].sum()
        if accepted:
            members = tried
    if rule != 'seed':
        basis = fit(differences[members], dim)
    return basis, members


def pieces(points, dim, rule, threshold=.9):
    """Return projectors (N, D, D) and members (N, N)."""
    count, size = points.shape
    projectors = np.zeros((count, size, size))
    members = np.zeros((count, count), dtype=bool)
    for anchor in range(count):
        basis, found = grow(points, anchor, dim, rule, threshold)
        projectors[anchor] = basis @ basis.T
        members[anchor, found] = True
    return projectors, members


def similarity(point, origin, projector, n_alpha=4., n_beta=.5):
    """Return s' of one point to one piece."""
    difference = point - origin
    inside = projector @ difference
    orthogonal = np.linalg.norm(difference - inside)
    return (1 / (1 + orthogonal / 2)**n_alpha) * (1 / (1 + np.linalg.norm(inside))**n_beta)


def symmetric_similarity(points, projectors, n_alpha=4., n_beta=.5):
    count = len(points)
    result = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            result[i, j] = (
                similarity(points[i], points[j], projectors[j], n_alpha, n_beta) +
                similarity(points[j], points[i], projectors[i], n_alpha, n_beta)) / 2
    return result


def point_loss(features, similarities, delta):
    """Return the mean over pairs i < j; ``similarities`` are symmetric."""
    errors = [(delta * (1 - similarities[i, j]) -
               np.linalg.norm(features[i] - features[j]))**2
              for i in range(len(features)) for j in range(i + 1, len(features))]
    return np.mean(errors)


def proxy_similarities(points, projectors, proxies, bases, n_alpha=4., n_beta=.5):
    result = np.zeros((len(points), len(proxies)))
    for i, point in enumerate(points):
        for k, proxy in enumerate(proxies):
            result[i, k] = (
                similarity(point, proxy, bases[k] @ bases[k].T, n_alpha, n_beta) +
                similarity(proxy, point, projectors[i], n_alpha, n_beta)) / 2
    return result


def proxy_loss(features, proxies, similarities, delta):
    errors = [(delta * (1 - similarities[i, k]) - np.linalg.norm(feature - proxy))**2
              for i, feature in enumerate(features) for k, proxy in enumerate(proxies)]
    return np.mean(errors)


def neighbourhood_loss(projectors, bases, similarities, num_neighbours):
    total = 0.
    for k, basis in enumerate(bases):
        nearest = np.argsort(-similarities[:, k])[:num_neighbours]
        distances = [np.linalg.norm(basis @ basis.T - projectors[i])**2 / 2 for i in nearest]
        total += np.average(distances, weights=similarities[nearest, k])
    return total / len(bases)
