"""Small image trees for the tests of data sets."""

import io
import zipfile

import numpy as np
from PIL import Image


def silent(fraction, text):
    """A report that nobody reads."""


def png_bytes(side=10, seed=0, mode="RGB", size=None):
    width, height = size or (side, side)
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    pixels = np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "PNG")
    return file.getvalue()


def class_files(classes=("birch", "oak"), count=4, prefix="", **about):
    """{"birch/0.png": bytes, ...}"""
    return {
        f"{prefix}{name}/{number}.png": png_bytes(seed=100 * place + number, **about)
        for place, name in enumerate(classes)
        for number in range(count)
    }


def write_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_tree(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
