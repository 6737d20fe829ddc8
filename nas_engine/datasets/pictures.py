"""One image file: its size and colours, and its pixels at the size and channels the data set has."""

import warnings
from dataclasses import dataclass
from typing import IO

import numpy as np

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpg", ".jpeg", ".png", ".pbm", ".pgm", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
)  # fmt: skip
SMALLEST_SIDE = 8
LARGEST_PIXELS = 100_000_000
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")


class UnreadableImage(Exception):
    """The file is no image we read, is damaged, or has an impossible size. The text completes "X ... "."""


@dataclass(frozen=True)
class Picture:
    """What an image's header says: upright width and height in pixels, and whether it is grey."""

    width: int
    height: int
    grey: bool


def look(file: IO[bytes]) -> Picture:
    """Read the header alone. Raises UnreadableImage."""
    image = _open(file)
    try:
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except Exception:  # a broken EXIF block alone does not spoil the picture
        turned = False
    width, height = reversed(image.size) if turned else image.size
    if min(width, height) < SMALLEST_SIDE:
        raise UnreadableImage(f"is {width} × {height} pixels; images need {SMALLEST_SIDE} × {SMALLEST_SIDE} or more")
    if width * height > LARGEST_PIXELS:
        raise UnreadableImage(f"has {width} × {height} pixels, more than {LARGEST_PIXELS // 10**6} million")
    return Picture(width, height, image.mode in _GREY_MODES or image.mode.startswith("I;16"))


def pixels(file: IO[bytes], channels: int, width: int, height: int) -> np.ndarray:
    """The image as uint8, channels x height x width: upright, transparency on white, the middle cut out to the shape
    asked for and resized. An image that already has the shape keeps its pixels exactly. Raises UnreadableImage."""
    from PIL import Image, ImageOps

    image = _open(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.draft(image.mode, (2 * width, 2 * height))
            image = ImageOps.exif_transpose(image)
            image = _flat(image, "L" if channels == 1 else "RGB")
    except Exception as error:  # damaged data makes Pillow's decoders raise almost anything
        raise UnreadableImage(f"is damaged and cannot be read as an image ({_short(error)})") from None
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    array = np.asarray(image, np.uint8)
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def _open(file: IO[bytes]):
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(file, formats=FORMATS)
    except Exception as error:
        raise UnreadableImage(f"cannot be read as an image ({_short(error)})") from None


def _flat(image, mode: str):
    """To 8-bit grey or RGB without transparency."""
    from PIL import Image

    if image.mode.startswith("I;16") or image.mode == "I":
        return Image.fromarray((np.asarray(image).clip(0, 65535) / 257).round().astype(np.uint8)).convert(mode)
    if image.mode == "F":
        return Image.fromarray(np.asarray(image).clip(0, 255).round().astype(np.uint8)).convert(mode)
    if "transparency" in image.info or image.mode in ("LA", "La", "RGBA", "RGBa", "PA"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert(mode)


def _short(error: Exception) -> str:
    if type(error).__name__ == "UnidentifiedImageError":
        return "unknown format"
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
