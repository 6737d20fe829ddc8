"""What is kept of a secret that lets its bearer in: enough to know it again, not enough to use it."""

import hashlib


def hashed(secret: str) -> str:
    """SHA-256, 64 hex digits. Secrets are random and long, so that no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
