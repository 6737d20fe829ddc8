"""The prepared form: four .npy files, memory-mapped and never pickled, and dataset.json.

A prepared folder appears whole or not at all: everything is written to a partial folder beside it, which is renamed last.
"""

import contextlib
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nas_engine.errors import ConfigError

SPLITS = ("train", "test")
_CHUNK = 4096
_STALE_SECONDS = 3600


@dataclass(frozen=True)
class DatasetInfo:
    """What a prepared data set is.

    ``image_shape`` is (channels, height, width); ``size`` is in bytes on disk; ``fingerprint`` is the SHA-256 of images,
    labels and classes. ``mean`` and ``std`` are those of the train images for each channel, with pixels in [0, 1].
    """

    slug: str
    title: str
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train_images: int
    test_images: int
    size: int
    fingerprint: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


def read_info(folder: Path) -> DatasetInfo:
    """The description of a prepared folder. Raises ConfigError if there is none."""
    try:
        data = json.loads((Path(folder) / "dataset.json").read_text("utf-8"))
        for name in ("image_shape", "classes", "mean", "std"):
            data[name] = tuple(data[name])
        return DatasetInfo(**data)
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError(
            f"There is no prepared data set in {folder}. Add the data set again.", "data.dataset"
        ) from None


def read_split(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (uint8, N x C x H x W, memory-mapped, read-only) and labels (int64, N) of "train" or "test"."""
    if split not in SPLITS:
        raise ConfigError(f"{split!r} is not a stored part. Take train or test.", "split")
    try:
        images = np.load(Path(folder) / f"{split}_images.npy", mmap_mode="r", allow_pickle=False)
        labels = np.load(Path(folder) / f"{split}_labels.npy", allow_pickle=False)
    except (OSError, ValueError):
        raise ConfigError(f"The prepared images in {folder} are missing or damaged. Add the data set again.") from None
    return images, labels


@contextlib.contextmanager
def partial_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill; it takes the place of ``folder`` when the block ends well, and is deleted when it does not."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(folder)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    try:
        yield partial
        if folder.exists():
            old = partial.with_suffix(".old")
            folder.rename(old)
            partial.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _remove_stale(folder: Path) -> None:
    """Deletes what a killed preparation of this data set left behind, unless another is still writing there."""
    for left in folder.parent.glob(f".{folder.name}.*"):
        with contextlib.suppress(OSError):
            if time.time() - max(p.stat().st_mtime for p in (left, *left.iterdir())) > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def create_images(folder: Path, split: str, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
    """A writable memory-mapped uint8 array of ``count`` images in ``folder``, to be filled in place."""
    return np.lib.format.open_memmap(folder / f"{split}_images.npy", "w+", np.uint8, (count, *image_shape))


def write_split(folder: Path, split: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Stores a whole split at once: images (uint8, N x C x H x W) and labels (N)."""
    np.save(folder / f"{split}_images.npy", np.ascontiguousarray(images, np.uint8), allow_pickle=False)
    write_labels(folder, split, labels)


def write_labels(folder: Path, split: str, labels: np.ndarray) -> None:
    np.save(folder / f"{split}_labels.npy", np.asarray(labels, np.int64), allow_pickle=False)


def write_info(folder: Path, slug: str, title: str, classes: tuple[str, ...]) -> DatasetInfo:
    """Describes the splits already stored in ``folder`` and writes dataset.json. Returns the description."""
    (images, labels), (test_images, _) = (read_split(folder, split) for split in SPLITS)
    if not len(labels):
        raise ConfigError("The data set has no train images.")
    mean, std = channel_statistics(images)
    info = DatasetInfo(
        slug=slug,
        title=title,
        image_shape=tuple(images.shape[1:]),
        classes=tuple(classes),
        train_images=len(images),
        test_images=len(test_images),
        size=sum(file.stat().st_size for file in folder.glob("*.npy")),
        fingerprint=_fingerprint(folder, classes),
        mean=mean,
        std=std,
    )
    (folder / "dataset.json").write_text(json.dumps(asdict(info), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return info


def channel_statistics(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of uint8 images (N x C x H x W), with pixels in [0, 1].

    They are taken from the exact histogram of the 256 values. The deviation of a constant channel is given as 1.
    """
    channels = images.shape[1]
    histogram = np.zeros((channels, 256), np.int64)
    for start in range(0, len(images), _CHUNK):
        chunk = np.asarray(images[start : start + _CHUNK])
        for channel in range(channels):
            histogram[channel] += np.bincount(chunk[:, channel].ravel(), minlength=256)
    values = np.arange(256) / 255
    mean = histogram @ values / histogram.sum(1)
    variance = np.array([row @ (values - m) ** 2 / row.sum() for row, m in zip(histogram, mean, strict=True)])
    std = np.sqrt(variance)
    return tuple(map(float, mean)), tuple(map(float, np.where(std > 0, std, 1.0)))


def _fingerprint(folder: Path, classes: tuple[str, ...]) -> str:
    digest = hashlib.sha256(json.dumps(list(classes)).encode())
    for split in SPLITS:
        images, labels = read_split(folder, split)
        digest.update(json.dumps([split, list(images.shape)]).encode())
        for start in range(0, len(images), _CHUNK):
            digest.update(np.ascontiguousarray(images[start : start + _CHUNK]).tobytes())
        digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()
