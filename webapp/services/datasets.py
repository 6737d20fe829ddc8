"""Adding, retrying and removing data sets."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.text import slugify

from nas_engine.datasets import TORCHVISION_SETS
from nas_engine.datasets.uploads import check_size
from nas_engine.errors import ConfigError
from tasks import messages
from tasks.datasets import uploaded_file
from webapp.models import Dataset

DIGITS = "digits"
TAKEN = ("add", "live")  # addresses below /datasets/


def add_dataset(title: str, source: dict, slug: str | None = None, queue: bool = True) -> Dataset:
    """Store a data set and ask a worker to prepare it, unless ``queue`` is False: then its caller prepares it.

    ``source`` is {"kind": "digits"}, {"kind": "torchvision", "name"}, {"kind": "folder", "path", "size"} or {"kind":
    "zip", "path", "name", "size"}; ``size`` in pixels or None. Raises ConfigError with the field title, name, path or
    size, and then stores nothing.
    """
    title = " ".join(title.split())
    source = _checked(source)
    if not 1 <= len(title) <= 120:
        raise ConfigError("Give it a title of 1 to 120 letters.", "title")
    slug = (slug or slugify(title) or "data-set")[:60]
    if slug in TAKEN:
        raise ConfigError("That name is taken by a page. Take another title.", "title")
    try:
        with transaction.atomic():
            dataset = Dataset.objects.create(slug=slug, title=title, source=source, message="Waiting for a worker")
            if queue:
                messages.after_commit(messages.prepare_dataset, dataset.pk)
    except IntegrityError:
        there = Dataset.objects.get(slug=slug)
        raise ConfigError(f"{there.title} is here already. Take another title, or remove it first.", "title") from None
    return dataset


def add_known(name: str, path: str | None = None, queue: bool = True) -> Dataset:
    """Add a set by its name, "cifar-10" or "digits". ``path`` is where its files lie as torchvision lays them out, if not in
    TORCHVISION_DIR. Raises ConfigError for one that is unknown or here already."""
    if name == DIGITS:
        return add_dataset("Digits", {"kind": "digits"}, slug=DIGITS, queue=queue)
    if name not in TORCHVISION_SETS:
        raise ConfigError(f"{name!r} is not known here. Known: {', '.join(known())}.", "name")
    source = {"kind": "torchvision", "name": name} | ({"path": path} if path else {})
    return add_dataset(TORCHVISION_SETS[name].title, source, slug=name, queue=queue)


def known() -> dict[str, str]:
    """Names and labels of the sets that can be added by name."""
    published = {name: f"{about.title}, {about.megabytes} MB" for name, about in TORCHVISION_SETS.items()}
    return {DIGITS: "Digits, comes with scikit-learn"} | published


def known_but_absent() -> dict[str, str]:
    """Those of them that are not here yet."""
    here = set(Dataset.objects.filter(slug__in=known()).values_list("slug", flat=True))
    return {name: label for name, label in known().items() if name not in here}


def ensure_builtin() -> None:
    """On the first start, add the digits that come with scikit-learn, so that there is something to search on."""
    if not Dataset.objects.exists():
        add_known(DIGITS)


def retry(dataset: Dataset) -> None:
    """Prepare a failed data set once more. Raises ConfigError if it did not fail."""
    changed = Dataset.objects.filter(pk=dataset.pk, state=Dataset.State.FAILED).update(
        state=Dataset.State.PREPARING, progress=0.0, message="Waiting for a worker", heartbeat=None
    )
    if not changed:
        raise ConfigError(f"{dataset.title} did not fail; there is nothing to try again.")
    messages.prepare_dataset(dataset.pk)


def remove(dataset: Dataset) -> None:
    """Delete a data set with its files. Raises ConfigError naming the searches that use it, if any do."""
    folder, upload = settings.DATASETS_DIR / dataset.slug, uploaded_file(dataset)
    try:
        dataset.delete()
    except ProtectedError:
        raise ConfigError(_in_use(dataset)) from None
    shutil.rmtree(folder, ignore_errors=True)
    if upload:
        upload.unlink(missing_ok=True)


def _in_use(dataset: Dataset) -> str:
    names = list(dataset.searches.values_list("name", flat=True)[:4])
    shown = ", ".join(f"“{name}”" for name in names[:3])
    count = dataset.searches.count()
    more = f" and {count - 3} more" if count > 3 else ""
    what = "a search uses" if count == 1 else f"{count} searches use"
    return f"{dataset.title} was not removed: {what} it ({shown}{more}), and their results need its images."


def _checked(source: dict) -> dict:
    """The source as it is stored. Raises ConfigError for what can be seen to be wrong at once."""
    kind = source["kind"]
    if kind == "digits":
        return {"kind": kind}
    if kind == "torchvision":
        return {"kind": kind, "name": source["name"]} | ({"path": source["path"]} if source.get("path") else {})
    if not source.get("path"):
        raise ConfigError("Say where the folder lies, from the root on: /home/ada/leaves.", "path")
    path = Path(source["path"]).expanduser()
    if not path.is_absolute():
        raise ConfigError(f"Write the whole path, from the root on: /home/ada/{path}.", "path")
    if not (path.is_dir() if kind == "folder" else path.is_file()):
        raise ConfigError(f"There is no {'folder' if kind == 'folder' else 'file'} {path} on this machine.", "path")
    checked = {"kind": kind, "path": str(path), "size": _checked_size(source.get("size"))}
    return checked | ({"name": source["name"]} if source.get("name") else {})


def _checked_size(size) -> int | None:
    if size in (None, ""):
        return None
    size = int(size) if str(size).isdecimal() else -1
    check_size(size)
    return size
