"""The set-up before each start of the server."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand

from webapp.services.cells import keep_published
from webapp.staticfiles import Static


class Command(BaseCommand):
    help = (
        "Brings the database up to date, has the published cells in it, and collects static files. "
        "script/server calls it at every start."
    )

    def handle(self, **options):
        call_command("migrate", interactive=False, verbosity=0)
        keep_published()
        # Collecting hashes and compresses megabytes: not at every start, only when a file changed.
        stamp, wanted = Path(settings.STATIC_ROOT) / ".collected", _sources()
        if not stamp.exists() or stamp.read_text() != wanted:
            call_command("collectstatic", interactive=False, verbosity=0)
            stamp.write_text(wanted)


def _sources() -> str:
    """Changes with every file that collectstatic would take: their places, sizes and times."""
    found = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for path, storage in finder.list(Static.ignore_patterns):
            about = Path(storage.path(path)).stat()
            found.update(f"{path} {about.st_size} {about.st_mtime_ns}\n".encode())
    return found.hexdigest()
