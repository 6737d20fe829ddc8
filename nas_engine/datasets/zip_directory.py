"""How large a zip says its directory is, before a reader loads it whole into memory."""

import os
import struct
import zipfile
from pathlib import Path

_END, _END_SIZE = b"PK\x05\x06", 22
_LOCATOR, _LOCATOR_SIZE = b"PK\x06\x07", 20
_END64, _END64_SIZE = b"PK\x06\x06", 56
_LONGEST_COMMENT = 65535


def directory_bytes(path: Path) -> int:
    """Bytes of the central directory as announced (APPNOTE 4.3.14 to 4.3.16). Raises BadZipFile if there is none."""
    with path.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        tail = min(length, _END_SIZE + _LOCATOR_SIZE + _LONGEST_COMMENT)
        file.seek(length - tail)
        data = file.read(tail)
        at = data.rfind(_END)
        if at < 0 or len(data) - at < _END_SIZE:
            raise zipfile.BadZipFile("no end of central directory")
        size = struct.unpack_from("<L", data, at + 12)[0]
        locator = at - _LOCATOR_SIZE
        if locator < 0 or data[locator : locator + 4] != _LOCATOR:
            return size
        file.seek(struct.unpack_from("<Q", data, locator + 8)[0])
        end64 = file.read(_END64_SIZE)
        if len(end64) < _END64_SIZE or end64[:4] != _END64:
            raise zipfile.BadZipFile("no zip64 end of central directory")
        return max(size if size != 0xFFFFFFFF else 0, struct.unpack_from("<Q", end64, 40)[0])
