"""Class folders of images, from a folder or a zip, brought to one size and written as arrays."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nas_engine.datasets.layout import BadLayout, Item, Layout, arrange
from nas_engine.datasets.pictures import Picture, UnreadableImage, look, pixels
from nas_engine.datasets.sources import DamagedFile, FolderSource, ZipSource
from nas_engine.datasets.splits import stratified_parts
from nas_engine.datasets.store import create_images, write_labels
from nas_engine.errors import ConfigError

Report = Callable[[float, str], None]
DEFAULT_SIZE = 32
# Images that all have one size keep it up to here; larger ones would make children too slow to train by default.
LARGEST_KEPT = 128
SMALLEST_SIZE, LARGEST_SIZE = 8, 512
MOST_PREPARED_BYTES = 64 << 30
TEST_FRACTION = 0.15
TEST_SEED = 0


def write_uploaded(folder: Path, source: FolderSource | ZipSource, size: int | None, report: Report) -> tuple[str, ...]:
    """Stores every image of ``source`` at one size in ``folder``; returns the classes.

    Without a test folder, a fixed 15 % of each class becomes test. Raises ConfigError saying which file or folder is
    at fault.
    """
    check_size(size)
    try:
        layout = arrange(source.files, source.folders)
        _check_counts(layout)
        shape = _common_shape(source, layout, size, report)
        parts = _divide(layout)
        images = sum(len(items) for items in parts.values())
        if images * int(np.prod(shape)) > MOST_PREPARED_BYTES:
            raise ConfigError(f"{images:,} images of this size would take too much room. Choose a smaller one.", "size")
        done = 0
        for split, items in parts.items():
            done = _write_part(folder, source, split, items, shape, done, images, report)
    except BadLayout as error:
        raise ConfigError(f"{source.label} was not added: {error}. {source.closing}") from None
    if layout.left_out:
        report(0.97, f"{layout.left_out} files that are not images of a class were left out")
    return layout.classes


def check_size(size: int | None) -> None:
    """Raises ConfigError unless ``size`` is None or a side in pixels that can be trained on."""
    if size is None:
        return
    if isinstance(size, bool) or not isinstance(size, int) or not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        raise ConfigError(f"Take a whole number of pixels from {SMALLEST_SIZE} to {LARGEST_SIZE}.", "size")


def _check_counts(layout: Layout) -> None:
    least = 2 if layout.test is not None else 3
    counts = Counter(number for _, number in layout.train)
    for number, name in enumerate(layout.classes):
        if counts[number] < least:
            raise BadLayout(
                f"the class {name} has {counts[number]} images; each class needs {least} or more, to be divided into "
                "train, valid and test"
            )


def _common_shape(source, layout: Layout, size: int | None, report: Report) -> tuple[int, int, int]:
    """(channels, height, width) of the data set, after a look at every header."""
    items = (*layout.train, *(layout.test or ()))
    sizes: set[tuple[int, int]] = set()
    grey = True
    for number, (name, _) in enumerate(items):
        picture = _read(source, name, look)
        sizes.add((picture.height, picture.width))
        grey &= picture.grey
        if number % 200 == 0:
            report(0.3 * number / len(items), f"Looking at {number:,} of {len(items):,} images")
    common = sizes.pop() if len(sizes) == 1 else None
    if size is None and common and max(common) <= LARGEST_KEPT:
        height, width = common
    else:
        height = width = size or DEFAULT_SIZE
    return (1 if grey else 3, height, width)


def _divide(layout: Layout) -> dict[str, list[Item]]:
    if layout.test is not None:
        return {"train": list(layout.train), "test": list(layout.test)}
    labels = np.array([number for _, number in layout.train])
    count = round(len(labels) * TEST_FRACTION)
    test, train = stratified_parts(labels, count, np.random.RandomState(TEST_SEED), least=1, leave=2)
    return {"train": [layout.train[at] for at in train], "test": [layout.train[at] for at in test]}


def _write_part(folder, source, split, items: list[Item], shape, done: int, total: int, report: Report) -> int:
    array = create_images(folder, split, len(items), shape)
    channels, height, width = shape
    for at, (name, _) in enumerate(items):
        array[at] = _read(source, name, lambda file: pixels(file, channels, width, height))
        if at % 100 == 0:
            report(0.3 + 0.65 * (done + at) / total, f"Reading {done + at:,} of {total:,} images")
    write_labels(folder, split, np.array([number for _, number in items]))
    return done + len(items)


def _read(source: FolderSource | ZipSource, name: str, reader: Callable) -> Picture | np.ndarray:
    try:
        with source.open(name) as file:
            return reader(file)
    except (UnreadableImage, DamagedFile) as error:
        raise BadLayout(f"{name} {error}. Replace it or take it out") from None
