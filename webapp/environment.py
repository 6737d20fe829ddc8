"""Settings from the environment. A bad value is refused with a sentence, never guessed around."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent


def flag(name: str, default: bool) -> bool:
    text = os.environ.get(name, "").strip().lower()
    if text in ("", "1", "true", "yes", "on", "0", "false", "no", "off"):
        return text in ("1", "true", "yes", "on") if text else default
    raise ImproperlyConfigured(f"{name}={text!r}: write 1 or 0.")


def number(name: str, default: int, minimum: int = 0) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdigit() or int(text) < minimum:
        raise ImproperlyConfigured(f"{name}={text!r}: write a whole number of {minimum} or more.")
    return int(text)


def words(name: str) -> list[str]:
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def data_folder() -> Path:
    """Where state lives: NASTURTIUM_DATA, or var/ beside manage.py. Made on first use, private to its owner."""
    folder = Path(os.environ.get("NASTURTIUM_DATA") or ROOT / "var").expanduser().resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def secret_key(folder: Path) -> str:
    """SECRET_KEY, or a random one made once and kept in the data folder."""
    given = os.environ.get("SECRET_KEY")
    if given:
        return given
    file = folder / "secret-key"
    if not file.exists():
        from django.core.management.utils import get_random_secret_key

        partial = folder / f"secret-key.{os.getpid()}"
        partial.touch(mode=0o600)
        partial.write_text(get_random_secret_key())
        try:
            os.link(partial, file)  # atomic: of two processes starting at once, one wins and both read its key
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    return file.read_text()


def broker_url(folder: Path) -> str:
    """REDIS_URL, or the socket of the embedded server that script/server starts."""
    return os.environ.get("REDIS_URL") or f"redis+socket://{socket_path(folder)}?virtual_host=0"


def socket_path(folder: Path) -> Path:
    """A Unix socket path is limited to about 107 bytes, so a deep data folder gets a short stand-in under /tmp."""
    path = folder / "redis.sock"
    if len(os.fsencode(path)) < 100:
        return path
    import hashlib
    import tempfile

    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    private = Path(tempfile.gettempdir()) / f"nasturtium-{os.getuid()}-{digest}"
    private.mkdir(mode=0o700, exist_ok=True)
    return private / "redis.sock"
