"""Slowing down whoever guesses passwords."""

from django.core.cache import cache

TRIES = 5
PAUSE = 300  # seconds


def tries_left(name: str, address: str) -> int:
    """How often this address may still try a password for this name."""
    return max(0, TRIES - cache.get(_key(name, address), 0))


def failed(name: str, address: str) -> int:
    """Count a wrong password; each one starts the pause anew. Returns how many tries are left."""
    key = _key(name, address)
    cache.set(key, cache.get(key, 0) + 1, PAUSE)
    return tries_left(name, address)


def succeeded(name: str, address: str) -> None:
    """Forget what was counted."""
    cache.delete(_key(name, address))


def _key(name: str, address: str) -> str:
    return "login:" + ":".join(part.encode().hex()[:120] for part in (name.lower(), address))
