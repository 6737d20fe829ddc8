"""Files of full trainings in the database, in chunks: written from a file, read back to one, or handed out as they come."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from django.db import transaction

from webapp.models import StoredChunk, StoredFile, TrainingRun

CHUNK = 2**20
AT_ONCE = 4  # chunks in one statement


def store(run: TrainingRun, kind: str, source: BinaryIO, epoch: int = 0) -> StoredFile:
    """Keep what ``source`` holds, in place of the run's file of this kind; whole or not at all."""
    with transaction.atomic():
        StoredFile.objects.filter(run=run, kind=kind).delete()
        row = StoredFile.objects.create(run=run, kind=kind, epoch=epoch, sha256="", size=0)
        digest, size, index = hashlib.sha256(), 0, 0
        while parts := [part for _ in range(AT_ONCE) if (part := source.read(CHUNK))]:
            rows = [StoredChunk(file=row, index=index + at, data=part) for at, part in enumerate(parts)]
            StoredChunk.objects.bulk_create(rows)
            for part in parts:
                digest.update(part)
                size += len(part)
            index += len(parts)
        row.sha256, row.size = digest.hexdigest(), size
        row.save(update_fields=["sha256", "size"])
    return row


def chunks(row: StoredFile) -> Iterator[bytes]:
    """The file's bytes, chunk by chunk; one query each, so that a large file never stands in memory."""
    for index in range(-(-row.size // CHUNK)):
        yield bytes(StoredChunk.objects.values_list("data", flat=True).get(file_id=row.pk, index=index))


def write_to(row: StoredFile, path: Path) -> None:
    """Write the file to ``path``, whole or not at all. Raises ValueError if it is not the one that was stored."""
    half, digest = path.with_name(path.name + ".half"), hashlib.sha256()
    with half.open("wb") as out:
        for chunk in chunks(row):
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != row.sha256:
        half.unlink()
        raise ValueError(f"The {row} is damaged in the database: its checksum differs.")
    half.replace(path)
