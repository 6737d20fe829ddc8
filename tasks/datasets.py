"""Preparing data sets: by a worker, reported as it goes, whole or not at all."""

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from nas_engine.datasets import DatasetInfo, prepare, read_info
from nas_engine.errors import ConfigError, EvaluationFailed
from tasks import dataset_recording as recording
from tasks import messages
from tasks.app import app
from webapp.models import Dataset

log = logging.getLogger(__name__)
REPORT_SECONDS = 0.5
BEAT_SECONDS = 10.0
STALE_UPLOAD_SECONDS = 86400


class Removed(Exception):
    """The data set was removed while it was being prepared."""


@app.task(name="tasks.datasets.prepare_dataset")
def prepare_dataset(dataset_id: int) -> None:
    """Prepare a data set that was added; say why in its row if that fails."""
    prepare_here(dataset_id)


def prepare_here(dataset_id: int, show: Callable[[float, str], None] | None = None) -> None:
    """The work of :func:`prepare_dataset`, in this process; ``show`` is told the progress too."""
    dataset = recording.claim(dataset_id)
    if dataset is None:
        return
    try:
        with _heartbeat(dataset.pk):
            info = _prepare(dataset, settings.DATASETS_DIR, _reporter(dataset.pk, show))
    except Removed:
        log.info("%s was removed while it was being prepared.", dataset.title)
        return
    except ConfigError as error:
        recording.failed(dataset.pk, sentence(error))
        return
    except Exception as error:
        log.exception("%s could not be prepared.", dataset.title)
        recording.failed(
            dataset.pk, f"An error nobody foresaw: {type(error).__name__}: {error}. The worker's log has the traceback."
        )
        return
    _store(dataset, info)


def _store(dataset: Dataset, info: DatasetInfo) -> None:
    """Make it usable; an uploaded archive has served its purpose then."""
    upload = uploaded_file(dataset)
    source = {key: value for key, value in dataset.source.items() if not (upload and key == "path")}
    if not recording.ready(dataset.pk, info, source):
        shutil.rmtree(settings.DATASETS_DIR / dataset.slug, ignore_errors=True)
    if upload:
        upload.unlink(missing_ok=True)


def uploaded_file(dataset: Dataset) -> Path | None:
    """The archive that was uploaded for a data set: ours to delete, as no other file of a source is."""
    path = dataset.source.get("path")
    return Path(path) if path and Path(path).parent == settings.UPLOADS_DIR else None


def _prepare(dataset: Dataset, root: Path, report: Callable[[float, str], None]) -> DatasetInfo:
    folder = root / dataset.slug
    return prepare(dataset.slug, dataset.title, dataset.source, folder, settings.TORCHVISION_DIR, report)


def sentence(error: ConfigError) -> str:
    """The problems of a ConfigError as prose."""
    return " ".join(dict.fromkeys(error.problems.values()))


def _reporter(dataset_id: int, show: Callable[[float, str], None] | None) -> Callable[[float, str], None]:
    """Writes progress at most twice a second, and ends the preparation of a data set that was removed."""
    last = 0.0

    def report(fraction: float, text: str) -> None:
        nonlocal last
        if time.monotonic() - last < REPORT_SECONDS:
            return
        last = time.monotonic()
        if show:
            show(fraction, text)
        if not recording.progress(dataset_id, min(max(fraction, 0.0), 1.0), text):
            raise Removed

    return report


@contextlib.contextmanager
def _heartbeat(dataset_id: int) -> Iterator[None]:
    """Shows that the preparation lives also while it reports nothing."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(BEAT_SECONDS):
            try:
                if not recording.beat(dataset_id):
                    break
            except DatabaseError as error:
                log.warning("The database cannot be reached: %s", error)
                connection.close()
        connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{dataset_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def sweep() -> None:
    """Send again what no worker has taken, and clear uploads that a stopped server left half received."""
    for dataset in recording.waiting():
        messages.prepare_dataset(dataset.pk)
    for left in settings.UPLOADS_DIR.glob("*.upload*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_UPLOAD_SECONDS:
                left.unlink()


def local_folder(dataset: Dataset) -> Path:
    """The prepared folder on this machine; made here first where the data set was prepared on another one.

    Raises EvaluationFailed where that is not possible, or the images here are not the same.
    """
    folder = settings.DATASETS_DIR / dataset.slug
    found = _fingerprint(folder)
    if found is None:
        try:
            if dataset.source["kind"] == "zip" and "path" not in dataset.source:
                raise ConfigError("It was uploaded to another one.")
            found = _prepare(dataset, settings.DATASETS_DIR, lambda fraction, text: None).fingerprint
        except ConfigError as error:
            raise EvaluationFailed(
                f"{dataset.title} is not on this machine. {sentence(error)}",
                f"Copy the folder datasets/{dataset.slug} from the machine that has it into {settings.DATASETS_DIR}.",
            ) from None
    if found != dataset.fingerprint:
        raise EvaluationFailed(
            f"{dataset.title} on this machine has other images than the one the search was set up with.",
            f"Delete {folder}, or copy it from the machine that prepared the data set.",
        )
    return folder


def _fingerprint(folder: Path) -> str | None:
    try:
        return read_info(folder).fingerprint
    except ConfigError:
        return None
