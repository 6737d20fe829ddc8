"""``python manage.py datasets``: list data sets, add one."""

import json
import sys
import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from nas_engine.datasets.torchvision_sets import TORCHVISION_SETS
from nas_engine.errors import ConfigError
from webapp.models import Dataset
from webapp.services import datasets as service

ABOUT = """
  datasets list                     what is here
  datasets add NAME                 a set known by its name: digits, mnist, fashion-mnist, cifar-10, cifar-100, svhn
  datasets add NAME FOLDER          the same, where torchvision's files for it lie in that folder
  datasets add NAME PATH            any other name: a folder with one folder for each class, or a zip of one

Adding prepares the data set in this process and ends when it is ready. A data set that could not be prepared is not kept.
"""


class Command(BaseCommand):
    help = ABOUT

    def create_parser(self, *arguments, **options):
        import argparse

        return super().create_parser(*arguments, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def add_arguments(self, parser):
        parser.add_argument("action", choices=("list", "add"))
        parser.add_argument("name", nargs="?", help="what it is called, or the name of a known set")
        parser.add_argument("path", nargs="?", help="a folder, a zip, or the name of a known set")
        parser.add_argument("--size", type=int, help="side in pixels to bring its images to")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *, action, name, path, size, **options):
        if action == "list":
            return self._list(options["json"])
        if not name:
            raise CommandError("datasets add: say its name.", returncode=2)
        try:
            dataset = self._prepare(_add(name, path, size))
        except ConfigError as error:
            raise CommandError(" ".join(error.problems.values()), returncode=2) from None
        self._show([dataset], options["json"], single=True)

    def _list(self, as_json: bool) -> None:
        self._show(list(Dataset.objects.all()), as_json)

    def _show(self, rows: list[Dataset], as_json: bool, single: bool = False) -> None:
        if as_json:
            found = [_plain(row) for row in rows]
            self.stdout.write(json.dumps(found[0] if single else found, indent=1))
            return
        for row in rows:
            shape = f"{row.height} x {row.width} x {row.channels}"
            about = f"{row.images:>9,} images  {shape:<13}  {len(row.classes):>4} classes"
            self.stdout.write(f"{row.slug:<24} {row.state:<10} {about if row.state == 'ready' else row.message}")

    def _prepare(self, dataset: Dataset) -> Dataset:
        """Prepare it here; if a worker was faster, wait for that. Raises ConfigError if it fails, and forgets it then."""
        from tasks.datasets import prepare_here

        try:
            prepare_here(dataset.pk, self._progress)
            dataset.refresh_from_db()
            while dataset.state == Dataset.State.PREPARING:
                time.sleep(0.5)
                dataset.refresh_from_db()
        except BaseException:
            service.remove(dataset)
            raise
        finally:
            if sys.stderr.isatty():
                self.stderr.write("\r\x1b[K", ending="")
        if dataset.state == Dataset.State.FAILED:
            service.remove(dataset)
            raise ConfigError(dataset.message)
        return dataset

    def _progress(self, fraction: float, text: str) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r\x1b[K{100 * fraction:3.0f} %  {text}", ending="")


def _add(name: str, path: str | None, size: int | None) -> Dataset:
    if path is None:
        return service.add_known(name, queue=False)
    place = Path(path).expanduser().absolute()
    if not place.exists() and path in service.known():
        return service.add_known(path, queue=False)
    if name in TORCHVISION_SETS and place.is_dir():
        return service.add_known(name, str(place), queue=False)
    kind = "folder" if place.is_dir() or not place.exists() else "zip"
    return service.add_dataset(name, {"kind": kind, "path": str(place), "size": size}, queue=False)


def _plain(row: Dataset) -> dict:
    return {
        "name": row.slug,
        "title": row.title,
        "state": row.state,
        "message": row.message,
        "image_shape": list(row.image_shape),
        "classes": row.classes,
        "train_images": row.train_images,
        "test_images": row.test_images,
        "size": row.size,
        "fingerprint": row.fingerprint,
    }
