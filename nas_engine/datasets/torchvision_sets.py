"""MNIST, Fashion-MNIST, CIFAR-10/100 and SVHN: read by torchvision, from a local folder or downloaded into it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_engine.datasets.downloads import Archive, obtain
from nas_engine.datasets.store import write_split
from nas_engine.errors import ConfigError

Report = Callable[[float, str], None]


@dataclass(frozen=True)
class TorchvisionSet:
    """``base`` is where, inside the torchvision folder, the published archives lie."""

    title: str
    class_name: str
    base: str
    megabytes: int


TORCHVISION_SETS = {
    "mnist": TorchvisionSet("MNIST", "MNIST", "MNIST/raw", 12),
    "fashion-mnist": TorchvisionSet("Fashion-MNIST", "FashionMNIST", "FashionMNIST/raw", 31),
    "cifar-10": TorchvisionSet("CIFAR-10", "CIFAR10", "", 170),
    "cifar-100": TorchvisionSet("CIFAR-100", "CIFAR100", "", 169),
    "svhn": TorchvisionSet("SVHN", "SVHN", "", 246),
}
_SVHN_PARTS = ("train", "test")


def write_torchvision(folder: Path, name: str, root: Path, report: Report) -> tuple[str, ...]:
    """Stores the named set's published train and test parts in ``folder``. Returns its classes.

    Read from ``root`` where it lies there as torchvision lays it out; else its archives are taken from ``root`` or
    downloaded into it. Raises ConfigError saying which files to put where if neither is possible.
    """
    if name not in TORCHVISION_SETS:
        raise ConfigError(f"{name!r} is not a set known here. Known: {', '.join(TORCHVISION_SETS)}.", "name")
    known = TORCHVISION_SETS[name]
    report(0.0, f"Looking for {known.title}")
    parts = _open(known, root)
    if parts is None:
        parts = _open_archives(folder, known, root, report)
    report(0.95, "Writing")
    for split, part in zip(("train", "test"), parts, strict=True):
        images, labels = _arrays(part)
        write_split(folder, split, images, labels)
    return _classes(known, parts[0])


def _open(known: TorchvisionSet, root: Path, unpack: bool = False) -> list[Any] | None:
    """torchvision's train and test sets, or None where ``root`` does not hold them whole."""
    set_class = _set_class(known)
    try:
        if known.class_name == "SVHN":
            return [set_class(root, split=part, download=unpack) for part in _SVHN_PARTS]
        return [set_class(root, train=train, download=unpack) for train in (True, False)]
    except (RuntimeError, OSError):
        return None
    except Exception as error:  # what a damaged file makes the parsers raise has no common base
        raise ConfigError(
            f"{known.title} was not added: its files in {root} are damaged ({error}). Delete them and try again."
        ) from None


def _open_archives(folder: Path, known: TorchvisionSet, root: Path, report: Report) -> list[Any]:
    """Let torchvision unpack the published archives inside ``folder``: ``root`` may be read-only and is left as it is."""
    archives = obtain(_archives(known), root / known.base, known.title, report)
    report(0.85, "Unpacking")
    scratch = folder / "unpacking"
    (scratch / known.base).mkdir(parents=True)
    for archive in archives:
        (scratch / known.base / archive.name).symlink_to(archive.resolve())
    parts = _open(known, scratch, unpack=True)
    if parts is None:
        raise ConfigError(f"{known.title} was not added: its archives in {root} could not be unpacked.")
    # torchvision reads everything into memory, so its files are not needed any more.
    shutil.rmtree(scratch)
    return parts


def _set_class(known: TorchvisionSet) -> Any:
    import torchvision.datasets

    return getattr(torchvision.datasets, known.class_name)


def _archives(known: TorchvisionSet) -> list[Archive]:
    """The published files with the MD5 sums torchvision pins."""
    set_class = _set_class(known)
    if known.class_name == "SVHN":
        return [Archive(name, (url,), md5) for url, name, md5 in (set_class.split_list[part] for part in _SVHN_PARTS)]
    if hasattr(set_class, "resources"):
        return [
            Archive(name, tuple(mirror + name for mirror in set_class.mirrors), md5)
            for name, md5 in set_class.resources
        ]
    return [Archive(set_class.filename, (set_class.url,), set_class.tgz_md5)]


def _arrays(part: Any) -> tuple[np.ndarray, np.ndarray]:
    """uint8 images as N x C x H x W and labels."""
    images = np.asarray(part.data)
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[1] != 3:
        images = images.transpose(0, 3, 1, 2)
    return images, np.asarray(part.targets if hasattr(part, "targets") else part.labels)


def _classes(known: TorchvisionSet, part: Any) -> tuple[str, ...]:
    if known.class_name in ("MNIST", "SVHN"):
        return tuple(str(digit) for digit in range(10))
    # A class is a folder wherever images are exchanged, so "T-shirt/top" cannot keep its stroke.
    return tuple(name.replace("/", " or ") for name in part.classes)
