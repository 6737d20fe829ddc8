"""Trained models as files: taken out of the database once, verified, and kept beside the web server for the next reader."""

import json
import os
import zipfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from tasks import stored_files
from webapp.models import StoredFile

KEPT = 20  # bundles on disk; the least recently used leaves


def bundle_path(row: StoredFile) -> Path:
    """The bundle on this machine's disk. Raises ValueError if the one in the database is damaged."""
    settings.MODELS_DIR.mkdir(exist_ok=True)
    path = settings.MODELS_DIR / f"{row.sha256}.zip"
    if path.exists():
        os.utime(path)
        return path
    half = path.with_name(f"{row.sha256}.{os.getpid()}")
    stored_files.write_to(row, half)
    half.replace(path)
    _forget()
    return path


def _forget() -> None:
    kept = sorted(settings.MODELS_DIR.glob("*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[KEPT:]:
        with suppress(FileNotFoundError):
            path.unlink()


def bundle_files(path: Path) -> dict[str, int]:
    """Name -> bytes of what is in a bundle."""
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist()}


@lru_cache(maxsize=32)
def bundle_checksums(path: Path) -> dict[str, str]:
    """Name -> SHA-256, as the bundle's own list has them."""
    with zipfile.ZipFile(path) as archive:
        if "SHA256SUMS" not in archive.namelist():
            return {}
        lines = archive.read("SHA256SUMS").decode().splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


@lru_cache(maxsize=32)
def bundle_architecture(path: Path) -> dict:
    """The bundle's architecture.json: classes, normalisation, and the image's shape within the blueprint."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("architecture.json"))
