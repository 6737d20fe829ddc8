"""Writing a part of a data set as class folders of lossless PNG in a zip, so that anyone can check a model on it."""

import io
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from nas_engine.datasets.splits import split_indices
from nas_engine.datasets.store import read_info, read_split
from nas_engine.errors import ConfigError
from nas_engine.protocol import DataConfig

# A fixed time stamp: the same part gives the same bytes.
_TIME = (1980, 1, 1, 0, 0, 0)


def export_split(folder: Path, data: DataConfig, part: str, out_zip: Path | IO[bytes]) -> int:
    """Write the protocol's "train" or "valid" images to ``out_zip`` (a path or a binary file); returns how many.

    Each file is CLASS/INDEX.png, the index being that of the stored train split.
    """
    if part not in ("train", "valid"):
        raise ConfigError(f"{part!r} is not a part of a search's data. Take train or valid.", "part")
    info = read_info(folder)
    images, labels = read_split(folder, "train")
    train, valid = split_indices(labels, data)
    chosen = train if part == "train" else valid
    with zipfile.ZipFile(out_zip, "w", zipfile.ZIP_STORED) as archive:
        for index in chosen:
            name = f"{info.classes[labels[index]]}/{index:06d}.png"
            archive.writestr(zipfile.ZipInfo(name, _TIME), png(images[index]))
    return len(chosen)


def png(image: np.ndarray) -> bytes:
    """A uint8 image, channels x height x width with 1 or 3 channels, as a lossless PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))).save(file, "PNG")
    return file.getvalue()
