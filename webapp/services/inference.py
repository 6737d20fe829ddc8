"""What a trained model says of an image: its ONNX file, run in this process without torch."""

import zipfile
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from nas_engine.datasets.pictures import UnreadableImage, look, pixels
from nas_engine.errors import ConfigError
from webapp.services.models import bundle_architecture

TOP = 5
LARGEST = 20 * 2**20  # bytes of an image
ONNX = "model.onnx"


def classify(bundle: Path, image: IO[bytes], top: int = TOP) -> list[tuple[str, float]]:
    """(class, probability) of the likeliest classes, best first. Raises ConfigError under "image" for what is no image."""
    about = bundle_architecture(bundle)
    channels, height, width = about["blueprint"]["image_shape"]
    try:
        look(image)  # its header alone: nothing is unpacked that claims to be enormous
        image.seek(0)
        picture = pixels(image, channels, width, height)
    except UnreadableImage as error:
        raise ConfigError(f"This file {error}. Choose a PNG, JPEG, WebP, GIF, BMP or TIFF image.", "image") from None
    session = _session(bundle)
    entry = session.get_inputs()[0]
    batch = picture[None]
    if entry.type != "tensor(uint8)":
        batch = _normalised(batch, about["normalisation"])
    logits = session.run(None, {entry.name: batch})[0][0].astype(np.float64)
    chances = np.exp(logits - logits.max())
    chances /= chances.sum()
    order = np.argsort(-chances)[:top]
    return [(about["classes"][at], float(chances[at])) for at in order]


def _normalised(images: np.ndarray, normalisation: dict) -> np.ndarray:
    """Bytes (N, C, H, W) as the network takes them."""
    mean, std = (np.asarray(normalisation[name], np.float32).reshape(1, -1, 1, 1) for name in ("mean", "std"))
    return (images.astype(np.float32) / 255 - mean) / std


@lru_cache(maxsize=4)
def _session(bundle: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers train beside the web server
    with zipfile.ZipFile(bundle) as archive:
        model = archive.read(ONNX)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
