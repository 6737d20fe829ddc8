"""Fixtures of the site's tests."""

import pytest

from tasks import messages
from webapp.results import board, protocols
from webapp.views import search_page


@pytest.fixture(autouse=True)
def nothing_kept():
    """Tests write trials past their search, and every test's database begins with the same keys."""
    board._kept.cache_clear()
    protocols._counts.cache_clear()
    search_page._points.cache_clear()


@pytest.fixture
def sent(monkeypatch):
    """What was put on the queues, which are not there: (task, arguments ...)."""
    found = []
    monkeypatch.setattr(messages, "send", lambda *words: found.append(words) or True)
    return found
