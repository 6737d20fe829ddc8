"""scikit-learn's digits: 1,797 scanned 8 x 8 grey digits that come with the package, so they work offline."""

from pathlib import Path

import numpy as np

from nas_engine.datasets.splits import stratified_parts
from nas_engine.datasets.store import write_split

CLASSES = tuple(str(digit) for digit in range(10))
TEST_FRACTION = 1 / 6
TEST_SEED = 0


def write_digits(folder: Path) -> tuple[str, ...]:
    """Stores 1,497 train and 300 test images, divided by a fixed seed with the digits in proportion. Returns the classes.

    The scans have 17 grey levels, 0 to 16, spread here over 0 to 255.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[:, None]
    count = round(len(images) * TEST_FRACTION)
    test, train = stratified_parts(digits.target, count, np.random.RandomState(TEST_SEED))
    write_split(folder, "train", images[train], digits.target[train])
    write_split(folder, "test", images[test], digits.target[test])
    return CLASSES
