"""Which images train, which are held out: fixed by a seed, with every class in proportion."""

import numpy as np

from nas_engine.errors import ConfigError
from nas_engine.protocol import DataConfig


def split_indices(labels: np.ndarray, data: DataConfig) -> tuple[np.ndarray, np.ndarray]:
    """Indices into the stored train split: (train, valid), each sorted and disjoint, with the classes in proportion.

    ``data.train_limit`` first takes a fixed part of the images; ``data.valid_fraction`` of these is then held out. Every
    class keeps at least one image on either side. Raises ConfigError where a class is too small for that.
    """
    labels = np.asarray(labels)
    # RandomState's stream is frozen by NumPy's compatibility policy: a split stays the same for ever.
    rng = np.random.RandomState(data.split_seed)
    kept = np.arange(len(labels))
    if 0 < data.train_limit < len(labels):
        classes = len(np.unique(labels))
        if data.train_limit < 2 * classes:
            raise ConfigError(f"Take {2 * classes} or more: two images of each class.", "data.train_limit")
        kept, _ = stratified_parts(labels, data.train_limit, rng, least=2, leave=0)
    try:
        valid, train = stratified_parts(labels[kept], round(len(kept) * data.valid_fraction), rng)
    except ConfigError:
        raise ConfigError(
            "Each class needs two images or more: one to train on, one to hold out.", "data.dataset"
        ) from None
    return kept[train], kept[valid]


def stratified_parts(
    labels: np.ndarray, count: int, rng: np.random.RandomState, least: int = 1, leave: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Draw about ``count`` images with the classes in proportion: sorted indices of (drawn, left over).

    Exactly ``count`` are drawn unless a class would then have fewer than ``least`` drawn or ``leave`` left over.
    Raises ConfigError where a class has too few images for both.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    if (sizes < least + leave).any():
        raise ConfigError("A class has too few images to be divided.", "data.dataset")
    exact = sizes * count / len(labels)
    shares = np.floor(exact).astype(int)
    # Largest remainder; the stable sort gives ties to the first classes everywhere.
    shares[np.argsort(shares - exact, kind="stable")[: count - shares.sum()]] += 1
    shares = np.clip(shares, least, sizes - leave)
    drawn, left = [], []
    for name, share in zip(classes, shares, strict=True):
        members = rng.permutation(np.flatnonzero(labels == name))
        drawn.append(members[:share])
        left.append(members[share:])
    return np.sort(np.concatenate(drawn)), np.sort(np.concatenate(left))
