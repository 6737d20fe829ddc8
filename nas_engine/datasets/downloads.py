"""Obtaining published archives: from a local folder, else over the network with progress and a checked MD5 sum."""

import contextlib
import hashlib
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from nas_engine.errors import ConfigError

Report = Callable[[float, str], None]
# The share of the whole preparation that obtaining the archives takes on the progress bar.
SHARE = 0.8
_BLOCK = 1 << 18
_TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class Archive:
    """A published file: its name, where it may be fetched from, and its MD5 sum."""

    name: str
    urls: tuple[str, ...]
    md5: str


def obtain(archives: list[Archive], folder: Path, title: str, report: Report) -> list[Path]:
    """Paths of the archives, whole: those already in ``folder``, the others downloaded into it.

    Raises ConfigError naming the files and the folder where one is neither there nor can be fetched.
    """
    paths = []
    for number, archive in enumerate(archives):
        path = folder / archive.name
        if not _is_whole(path, archive.md5):
            try:
                _download(archive, path, _part(report, number, len(archives), title))
            except (OSError, HTTPException, ValueError) as error:
                raise _unobtainable(archives, folder, title, path, error) from None
        paths.append(path)
    return paths


def _part(report: Report, number: int, count: int, title: str) -> Callable[[int, int, float], None]:
    """A report for one of several downloads: (bytes done, bytes in all, seconds so far)."""

    def part(done: int, total: int, seconds: float) -> None:
        fraction = SHARE * (number + (done / total if total else 0)) / count
        speed = done / max(seconds, 1e-3)
        text = f"{title}: {done / 1e6:.0f} of {total / 1e6:.0f} MB, {speed / 1e6:.1f} MB a second"
        if total and speed:
            text += f", {max(total - done, 0) / speed:.0f} s left"
        report(fraction, text)

    return part


def _download(archive: Archive, path: Path, progress: Callable[[int, int, float], None]) -> None:
    """Fetch into a partial file, check it, rename it. Raises the last mirror's OSError, or ValueError for a wrong sum."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    problem: Exception = OSError("no address is known")
    try:
        for url in archive.urls:
            try:
                _fetch(url, partial, progress)
                if not _is_whole(partial, archive.md5):
                    raise ValueError(f"what {url} sent has another checksum than the published file")
                partial.rename(path)
                return
            except (OSError, HTTPException, ValueError) as error:
                problem = error
        raise problem
    finally:
        partial.unlink(missing_ok=True)


def _fetch(url: str, target: Path, progress: Callable[[int, int, float], None]) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "nasturtium"})
    started = last = time.monotonic()
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer, target.open("wb") as sink:
        total, done = int(answer.headers.get("Content-Length") or 0), 0
        while block := answer.read(_BLOCK):
            sink.write(block)
            done += len(block)
            if time.monotonic() - last > 0.5:
                last = time.monotonic()
                progress(done, total, last - started)
        progress(done, total, time.monotonic() - started)


def _is_whole(path: Path, md5: str) -> bool:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5
    return False


def _unobtainable(archives: list[Archive], folder: Path, title: str, path: Path, error: Exception) -> ConfigError:
    names = ", ".join(archive.name for archive in archives)
    why = "is there but damaged, and" if path.exists() else "is not there, and"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return ConfigError(
        f"{title} was not added: {path.name} {why} could not be downloaded ({reason}). Without a network, put {names} "
        f"into {folder}, or set TORCHVISION_DIR to a folder where torchvision has already unpacked {title}."
    )
