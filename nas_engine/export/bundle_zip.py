"""Zips of which equal contents give equal bytes, with the checksums of what they hold."""

import hashlib
import zipfile
from pathlib import Path
from typing import BinaryIO

import nas_engine

# The networks' own builder travels along: what was trained and what is rebuilt are one piece of code.
MODEL_FILE = Path(nas_engine.__file__).parent / "networks" / "model.py"
SUMS = "SHA256SUMS"
# Zip's earliest time.
_TIME = (1980, 1, 1, 0, 0, 0)
# Weights do not shrink.
_STORED = {"weights.safetensors", "model.onnx"}


def write_zip(files: dict[str, bytes], out: BinaryIO) -> None:
    """Write ``files`` (name -> content) and SHA256SUMS over them to ``out``."""
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in {**files, SUMS: sums.encode()}.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_STORED if name in _STORED else zipfile.ZIP_DEFLATED)
