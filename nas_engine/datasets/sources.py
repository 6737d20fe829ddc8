"""Where uploaded images lie: a folder, or a zip that is read in place and never unpacked to disk."""

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from nas_engine.datasets.zip_directory import directory_bytes
from nas_engine.errors import ConfigError

MOST_FILES = 500_000
MOST_BYTES = 16 << 30
MOST_FILE_BYTES = 256 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


class DamagedFile(Exception):
    """A file of the source cannot be read back. The text completes "X ... "."""


class FolderSource:
    """The regular files below a folder. Links to files and class folders are followed once, loops are not."""

    closing = "Nothing was added."

    def __init__(self, path: Path, label: str):
        self.path, self.label = path, label
        if not path.is_dir():
            raise ConfigError(f"There is no folder {path} on this machine.", "path")
        self.files: list[str] = []
        self.folders: list[str] = []
        try:
            self._walk(path, PurePosixPath(), frozenset())
        except OSError as error:
            where = error.filename or path
            raise ConfigError(f"{label} was not added: {where} cannot be read ({error.strerror}).", "path") from None

    def _walk(self, folder: Path, below: PurePosixPath, above: frozenset) -> None:
        about = folder.stat()
        above |= {(about.st_dev, about.st_ino)}
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                relative = below / entry.name
                if entry.is_dir():
                    inner = entry.stat()
                    if (inner.st_dev, inner.st_ino) not in above and not entry.name.startswith("."):
                        self.folders.append(str(relative))
                        self._walk(Path(entry.path), relative, above)
                elif entry.is_file():
                    self.files.append(str(relative))
                if len(self.files) + len(self.folders) > MOST_FILES:
                    raise ConfigError(f"{self.label} was not added: it has more than {MOST_FILES:,} files.", "path")

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """One file. Raises DamagedFile if it cannot be read."""
        path = self.path / name
        try:
            if path.stat().st_size > MOST_FILE_BYTES:
                raise DamagedFile(f"is larger than {MOST_FILE_BYTES >> 20} MB")
            file = path.open("rb")
        except OSError as error:
            raise DamagedFile(f"cannot be read ({error.strerror})") from None
        with file:
            yield file

    def close(self) -> None:
        """Nothing is held open."""


class ZipSource:
    """The files of a zip, checked as a whole before the first is read. Raises ConfigError for a hostile or broken one."""

    closing = "Nothing was unpacked."

    def __init__(self, path: Path, label: str):
        self.label = label
        if not path.is_file():
            raise ConfigError(f"There is no file {path} on this machine.", "path")
        self._zip = self._opened(path)
        try:
            self._entries: dict[str, zipfile.ZipInfo] = {}
            self.folders: list[str] = []
            for entry in self._checked(self._zip.infolist()):
                name = _clean(entry)
                if entry.is_dir() or name.endswith("/"):
                    self.folders.append(name.strip("/"))
                else:
                    self._entries[name] = entry
            self.files = list(self._entries)
        except BaseException:
            self._zip.close()
            raise

    def _opened(self, path: Path) -> zipfile.ZipFile:
        try:
            # The directory is read into memory whole: look at its announced size first.
            if directory_bytes(path) > MOST_FILES * 200:
                raise self._refusal(f"it lists more than {MOST_FILES:,} files")
            return zipfile.ZipFile(path)
        except ConfigError:
            raise
        except _DAMAGED:
            raise self._refusal("it is not a zip file, or it is damaged") from None

    def _checked(self, entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
        if len(entries) > MOST_FILES:
            raise self._refusal(f"it lists {len(entries):,} files; the most is {MOST_FILES:,}")
        if sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise self._refusal(f"it would unpack to more than {MOST_BYTES >> 30} GB")
        for entry in entries:
            name = _clean(entry)
            parts = PurePosixPath(name).parts
            if name.startswith("/") or ".." in parts or (len(name) > 1 and name[1] == ":") or "\0" in name:
                refusal = self._refusal("one of its paths points outside the archive")
                raise ConfigError(f"{refusal} The path: {_shown(name)}")
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise self._refusal(f"{_shown(name)} is a link, not a file")
            if entry.flag_bits & 1:
                raise self._refusal("it is encrypted. Make it again without a password")
            if entry.file_size > MOST_FILE_BYTES:
                raise self._refusal(f"{_shown(name)} would unpack to more than {MOST_FILE_BYTES >> 20} MB")
        return entries

    def _refusal(self, why: str) -> ConfigError:
        return ConfigError(f"{self.label} was not added: {why}. {self.closing}")

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """One file, decompressed as it is read. Raises DamagedFile if the archive's data are broken."""
        try:
            with self._zip.open(self._entries[name]) as file:
                yield file
        except _DAMAGED as error:
            raise DamagedFile(f"cannot be read from the archive ({str(error)[:120]})") from None

    def close(self) -> None:
        self._zip.close()


def _clean(entry: zipfile.ZipInfo) -> str:
    """The entry's path with forward slashes: archives made on Windows may hold backslashes."""
    return (entry.orig_filename or entry.filename).replace("\\", "/")


def _shown(name: str) -> str:
    printable = "".join(letter if letter.isprintable() else "?" for letter in name)
    return printable if len(printable) <= 80 else f"{printable[:77]}..."
