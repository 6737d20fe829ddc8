"""Fixtures of the site's tests."""

import pytest

from tasks import messages


@pytest.fixture
def sent(monkeypatch):
    """What was put on the queues, which are not there: (task, arguments ...)."""
    found = []
    monkeypatch.setattr(messages, "send", lambda *words: found.append(words) or True)
    return found
