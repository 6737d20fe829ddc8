"""The local owner: the account made on first start, entered through a one-time link."""

import secrets
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from webapp.models import LoginLink
from webapp.services.one_way import hashed

OWNER = "owner"
LIFETIME = timedelta(hours=24)


def local_owner():
    """The owner's account, made with no usable password when it is not there yet."""
    users = get_user_model()
    owner, made = users.objects.get_or_create(username=OWNER, defaults={"is_staff": True, "is_superuser": True})
    if made:
        owner.set_unusable_password()
        owner.save(update_fields=["password"])
    return owner


def owner_of_commands():
    """On whose behalf commands work: the first administrator, who on a fresh machine is the local owner."""
    first = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    return first or local_owner()


def first_run_link(base_url: str) -> str:
    """A new link that lets its reader in as the owner, once, within 24 hours. Links from before stop working."""
    token = secrets.token_urlsafe(32)
    owner = local_owner()
    with transaction.atomic():
        LoginLink.objects.filter(user=owner).delete()
        LoginLink.objects.create(token_hash=hashed(token), user=owner, expires=timezone.now() + LIFETIME)
    return base_url.rstrip("/") + reverse("login-link", args=[token])


def redeem(token: str):
    """The user a link stands for, or None if it was used, replaced, never made, or is older than 24 hours."""
    link = LoginLink.objects.filter(token_hash=hashed(token)).select_related("user").first()
    if link is None:
        return None
    deleted, _ = LoginLink.objects.filter(pk=link.pk).delete()  # of two clicks at once, one deletes the row
    if not deleted or link.expires < timezone.now() or not link.user.is_active:
        return None
    return link.user
