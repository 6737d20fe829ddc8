"""API tokens: made once, shown once, taken back at will."""

import secrets
from datetime import timedelta

from django.utils import timezone

from nas_engine.errors import ConfigError
from webapp.models import ApiToken
from webapp.services.one_way import hashed

PREFIX = "nst_"  # so that scanners of leaked secrets can tell what it is
SHOWN = 10  # characters that stay readable in the list
MINUTE = timedelta(minutes=1)


def issue(user, name: str) -> tuple[ApiToken, str]:
    """(the row, the token itself, which is not kept). Raises ConfigError under "name"."""
    name = name.strip()
    if not name:
        raise ConfigError("Say what the token is for, such as “laptop scripts”.", "name")
    if len(name) > 60:
        raise ConfigError("Use 60 characters at most.", "name")
    if ApiToken.objects.filter(user=user, name=name).exists():
        raise ConfigError(f"You have a token named {name}. Take it back first, or choose another name.", "name")
    token = PREFIX + secrets.token_urlsafe(32)
    return ApiToken.objects.create(user=user, name=name, token_hash=hashed(token), beginning=token[:SHOWN]), token


def redeem(token: str):
    """The user a token stands for, or None if it was never made or was taken back, or the account is switched off."""
    row = ApiToken.objects.filter(token_hash=hashed(token)).select_related("user").first()
    if row is None or not row.user.is_active:
        return None
    now = timezone.now()
    if row.used is None or now - row.used > MINUTE:
        ApiToken.objects.filter(pk=row.pk).update(used=now)
    return row.user


def take_back(user, pk: int) -> str | None:
    """Make a token of this user worthless. Returns its name, or None if there is none."""
    row = ApiToken.objects.filter(user=user, pk=pk).first()
    if row is None:
        return None
    row.delete()
    return row.name
