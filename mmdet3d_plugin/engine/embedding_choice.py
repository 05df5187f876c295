"""Choice of the images that pictures of embeddings show."""
import numpy as np


def choose_queries(labels: np.ndarray, count: int) -> np.ndarray:
    """Choose images that are spread evenly over the classes, and inside each class.

    Args:
        labels: (N,) class index of each image.
        count: number of images.

    Returns:
        (min(count, N),) or fewer indices, in the order of the classes. Fewer if a class has
        less images than its share.

    Example:
        >>> choose_queries(np.array([5, 5, 5, 7, 7, 7, 9, 9, 9]), 3).tolist()
        [1, 4, 7]
        >>> choose_queries(np.array([5, 5, 5, 7, 7, 7, 9, 9, 9]), 2).tolist()
        [1, 4]
    """
    classes = np.unique(labels)
    slots = np.arange(count) * len(classes) // max(count, 1)
    chosen = []
    for slot, share in zip(*np.unique(slots, return_counts=True)):
        if len(classes):
            images = np.flatnonzero(labels == classes[slot])
            share = min(share, len(images))
            chosen.extend(images[(2 * np.arange(share) + 1) * len(images) // (2 * share)])
    return np.array(chosen, dtype=int)


def choose_whole_classes(labels: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Choose all images of random classes, as many classes as fit into a number of images.

    Args:
        labels: (N,) class index of each image.
        count: largest number of images. If the first class has more, its first images are
            chosen.
        seed: seed of the choice.

    Returns:
        (M,) indices in increasing order; all of them if N is at most ``count``.

    Example:
        >>> labels = np.repeat([3, 4, 8], 4)
        >>> chosen = choose_whole_classes(labels, 9)
        >>> len(chosen), len(set(labels[chosen].tolist()))
        (8, 2)
    """
    if len(labels) <= count:
        return np.arange(len(labels))
    classes, sizes = np.unique(labels, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(classes))
    fitting = max(int((np.cumsum(sizes[order]) <= count).sum()), 1)
    return np.flatnonzero(np.isin(labels, classes[order[:fitting]]))[:count]
