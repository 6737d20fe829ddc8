"""Fixtures of all tests. Database tests get the owner signed in."""

import shutil

import pytest


def pytest_sessionfinish():
    from django.conf import settings

    shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


@pytest.fixture
def owner(db):
    """The local owner, as on first start."""
    from webapp.services.owner import local_owner

    return local_owner()


@pytest.fixture
def signed_in(client, owner):
    """A test client signed in as the owner."""
    client.force_login(owner)
    return client
