"""The product's settings over a throw-away data folder; nothing a test does reaches var/ or a running server."""

import os
import tempfile

os.environ["NASTURTIUM_DATA"] = tempfile.mkdtemp(prefix="nasturtium-test-")
os.environ.pop("REDIS_URL", None)

from webapp.settings import *  # noqa: E402, F403
from webapp.settings import STATIC_ROOT, STORAGES  # noqa: E402

# Pages are rendered without collecting static files first, and passwords hashed without the wait.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
BROKER_URL = "memory://"
STATIC_ROOT.mkdir()  # WhiteNoise warns where it is missing
