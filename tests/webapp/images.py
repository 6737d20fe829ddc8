"""Archives and folders of small class images, whole and broken, for tests."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("birch", "oak", "rowan")


def png(seed: int, side: int = 12) -> bytes:
    pixels = np.random.RandomState(seed).randint(0, 256, (side, side, 3), dtype=np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def files(classes: tuple = CLASSES, each: int = 8, side: int = 12) -> dict[str, bytes]:
    """Class folders of images, by path."""
    return {
        f"{name}/{number}.png": png(100 * at + number, side)
        for at, name in enumerate(classes)
        for number in range(each)
    }


def zipped(entries: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return written.getvalue()


def folder(root: Path, entries: dict[str, bytes]) -> Path:
    for name, data in entries.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return root


HOSTILE = {"flowers/a.png": png(1), "../../.ssh/config": b"Host *"}
BROKEN = files() | {"oak/3.png": b"\x89PNG\r\n but nothing more"}
ONE_CLASS = files(("oak",))
