"""One server to a data folder."""

import fcntl
import json
import os
from pathlib import Path


class AlreadyRunning(Exception):
    """Another server holds the data folder; the text says which."""


class Lock:
    """A lock file that the server and every process it starts hold together.

    The lock goes with the last of them, so that a server whose manager was killed still counts as running until its
    processes have ended.
    """

    def __init__(self, path: Path):
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self) -> None:
        """Raises AlreadyRunning if another server has it."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(self._holder()) from None
        self.write({"pid": os.getpid()})

    def write(self, about: dict) -> None:
        """What a second server is to say about this one: pid, url."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(about).encode(), 0)

    def _holder(self) -> str:
        try:
            about = json.loads(self.path.read_text())
            pid = int(about["pid"])
        except (ValueError, KeyError, OSError):
            return "Nasturtium is being started already."
        if not _lives(pid):
            return "The server before this one was killed and its processes are still ending. Try again in a moment."
        where = f" at {about['url']}" if "url" in about else ""
        return f"Nasturtium is running already{where} (process {pid}). Stop that one with Ctrl-C or: kill {pid}"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
