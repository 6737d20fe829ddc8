"""Turning a source into a prepared folder, whole or not at all."""

from collections.abc import Callable
from pathlib import Path

from nas_engine.datasets.digits import write_digits
from nas_engine.datasets.sources import FolderSource, ZipSource
from nas_engine.datasets.store import DatasetInfo, partial_folder, write_info
from nas_engine.datasets.torchvision_sets import write_torchvision
from nas_engine.datasets.uploads import check_size, write_uploaded
from nas_engine.errors import ConfigError

Report = Callable[[float, str], None]
KINDS = ("digits", "torchvision", "folder", "zip")


def prepare(slug: str, title: str, source: dict, folder: Path, torchvision_dir: Path, report: Report) -> DatasetInfo:
    """Prepare a data set in ``folder`` and return what it is; ``report(fraction, text)`` is called as it goes.

    ``source`` is {"kind": "digits"}, {"kind": "torchvision", "name": "cifar-10"} with a "path" if its
    files do not lie in ``torchvision_dir``, or {"kind": "folder" or "zip",
    "path": ..., "size": pixels or None}, where an optional "name" is what messages call an upload. Raises ConfigError
    with a sentence that says what is wrong and what to do; ``folder`` is then as it was before.
    """
    kind = source.get("kind")
    if kind not in KINDS:
        raise ConfigError(f"{kind!r} is not a kind of source. Known: {', '.join(KINDS)}.", "kind")
    try:
        with partial_folder(Path(folder)) as partial:
            classes = _write(kind, source, partial, Path(torchvision_dir), report)
            report(0.98, "Checking")
            info = write_info(partial, slug, title, classes)
    except OSError as error:
        raise ConfigError(f"{title} was not added: {error.strerror or error}. Nothing was added.") from None
    report(1.0, f"{info.train_images + info.test_images:,} images are ready")
    return info


def _write(kind: str, source: dict, partial: Path, torchvision_dir: Path, report: Report) -> tuple[str, ...]:
    if kind == "digits":
        return write_digits(partial)
    if kind == "torchvision":
        root = Path(source["path"]).expanduser() if source.get("path") else torchvision_dir
        return write_torchvision(partial, str(source.get("name")), root, report)
    if not source.get("path"):
        raise ConfigError("Say where it lies.", "path")
    check_size(source.get("size"))
    path = Path(str(source["path"])).expanduser()
    label = str(source.get("name") or path.name)
    opened = FolderSource(path, label) if kind == "folder" else ZipSource(path, label)
    try:
        return write_uploaded(partial, opened, source.get("size"), report)
    finally:
        opened.close()
