"""Keeping an uploaded file until it was prepared."""

import os
import secrets
import shutil
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile


def keep(sent: UploadedFile) -> Path:
    """Move an upload into the uploads folder under a name of our own; nothing of the sender's name is used."""
    kept = settings.UPLOADS_DIR / f"{secrets.token_hex(16)}.zip"
    if hasattr(sent, "temporary_file_path"):
        os.replace(sent.temporary_file_path(), kept)  # the same folder, so nothing is copied
    else:
        with kept.open("wb") as file:
            shutil.copyfileobj(sent.file, file)
    return kept
