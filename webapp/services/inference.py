"""What a trained model says of an image: its ONNX file, run in this process without torch."""

import zipfile
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from nas_engine.datasets.pictures import UnreadableImage, look, pixels
from nas_engine.errors import ConfigError
from webapp.services.models import bundle_architecture

TOP = 5
LARGEST = 20 * 10**6  # bytes of an image
ONNX = "model.onnx"


def classify(bundle: Path, image: IO[bytes], top: int = TOP) -> list[tuple[str, float]]:
    """(class, probability) of the likeliest classes, best first. Raises ConfigError under "image" for what is no image."""
    about = bundle_architecture(bundle)
    try:
        look(image)  # its header alone: nothing is unpacked that claims to be enormous
        image.seek(0)
        picture = _prepared(image, about)
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


def _prepared(image: IO[bytes], about: dict) -> np.ndarray:
    """Bytes (C, H, W), as ``model.py`` prepares them: at the size of the data set's images, of which the network sees a
    central share in its own size. Raises UnreadableImage."""
    channels, height, width = about["blueprint"]["image_shape"]
    prepared = about.get("preprocessing") or {}
    stored_height, stored_width = prepared.get("stored") or (height, width)
    picture = pixels(image, channels, stored_width, stored_height)
    shown = [round(side * prepared.get("central_crop", 1.0)) for side in (stored_height, stored_width)]
    top, left = (stored_height - shown[0]) // 2, (stored_width - shown[1]) // 2
    picture = picture[:, top : top + shown[0], left : left + shown[1]]
    if picture.shape[1:] == (height, width):
        return picture
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in picture]
    return np.stack([np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR)) for plane in planes])


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
