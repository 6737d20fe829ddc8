"""Small pictures of a data set's own images, as PNG bytes."""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from django.conf import settings
from PIL import Image

from nas_engine.datasets import read_split
from webapp.models import Dataset

COLUMNS, ROWS = 12, 4
TILE = 32  # pixels of a tile in a mosaic
SAMPLES = 12
SAMPLE_TILE = 48
SAMPLE_GAP = 4


def is_here(dataset: Dataset) -> bool:
    """Whether this machine holds the prepared images; another machine may have prepared them."""
    return dataset.state == Dataset.State.READY and (_folder(dataset) / "dataset.json").is_file()


def mosaic(dataset: Dataset) -> bytes:
    """48 train images in a grid, the classes taking turns. Raises ConfigError if they are not on this machine."""
    return _mosaic(_folder(dataset), dataset.fingerprint)


def class_strip(dataset: Dataset, label: int) -> bytes:
    """The first train images of one class, side by side. Raises ConfigError if they are not on this machine."""
    return _class_strip(_folder(dataset), dataset.fingerprint, label)


def class_counts(dataset: Dataset) -> list[tuple[int, int]]:
    """(train, test) images of every class. Raises ConfigError if the labels are not on this machine."""
    return _class_counts(_folder(dataset), dataset.fingerprint, len(dataset.classes))


def _folder(dataset: Dataset) -> Path:
    return settings.DATASETS_DIR / dataset.slug


# The fingerprint stands in the keys, so that a set prepared anew is drawn anew.


@lru_cache(maxsize=64)
def _mosaic(folder: Path, fingerprint: str) -> bytes:
    images, labels = read_split(folder, "train")
    classes = np.unique(labels)
    members = [np.flatnonzero(labels == label) for label in classes]
    drawn = []
    for place in range(COLUMNS * ROWS):
        turn, which = divmod(place, len(classes))
        drawn.append(members[which][turn % len(members[which])])
    return _grid([images[at] for at in drawn], COLUMNS, TILE)


@lru_cache(maxsize=1024)
def _class_strip(folder: Path, fingerprint: str, label: int) -> bytes:
    images, labels = read_split(folder, "train")
    found = np.flatnonzero(labels == label)[:SAMPLES]
    return _grid([images[at] for at in found], SAMPLES, SAMPLE_TILE, SAMPLE_GAP)


@lru_cache(maxsize=64)
def _class_counts(folder: Path, fingerprint: str, classes: int) -> list[tuple[int, int]]:
    train, test = (np.bincount(read_split(folder, split)[1], minlength=classes) for split in ("train", "test"))
    return [(int(here), int(held)) for here, held in zip(train, test, strict=True)]


def _grid(images: list[np.ndarray], columns: int, tile: int, gap: int = 0) -> bytes:
    """Images (C x H x W, uint8) as one PNG, transparent between them; small ones are enlarged, large ones are reduced."""
    rows = -(-len(images) // columns)
    sheet = Image.new("RGBA", (columns * (tile + gap) - gap, rows * (tile + gap) - gap), (0, 0, 0, 0))
    for at, image in enumerate(images):
        row, column = divmod(at, columns)
        sheet.paste(_tile(image, tile), (column * (tile + gap), row * (tile + gap)))
    written = io.BytesIO()
    sheet.save(written, "PNG", optimize=True)
    return written.getvalue()


def _tile(image: np.ndarray, tile: int) -> Image.Image:
    channels, height, width = image.shape
    grey = np.ascontiguousarray(image[0])
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)) if channels == 3 else grey).convert("RGB")
    resample = Image.Resampling.NEAREST if max(height, width) <= tile else Image.Resampling.LANCZOS
    return picture.resize((tile, tile), resample)
