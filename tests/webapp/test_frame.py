"""The frame of every page: health, theme, navigation, and how numbers are written."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from webapp.templatetags import parts

NARROW, SPACE = "\u202f", "\u00a0"


@pytest.mark.django_db
def test_health_needs_no_login_and_sees_the_database(client, monkeypatch):
    assert (client.get("/healthz").status_code, client.get("/healthz").content) == (200, b"ok\n")

    def gone():
        raise DatabaseError("gone")

    monkeypatch.setattr(connection, "cursor", gone)
    assert client.get("/healthz").status_code == 503


@pytest.mark.django_db
def test_theme_is_kept_in_a_cookie(signed_in):
    response = signed_in.post("/theme/", {"theme": "dark", "next": "/jump/?q=x"})
    assert response.url == "/jump/?q=x"
    assert '<html lang="en" data-theme="dark">' in signed_in.get("/jump/").content.decode()
    signed_in.post("/theme/", {"theme": "system"})
    assert '<html lang="en">' in signed_in.get("/jump/").content.decode()


@pytest.mark.django_db
def test_theme_takes_nothing_else_and_leads_nowhere_else(signed_in):
    assert signed_in.post("/theme/", {"theme": '"><script>'}).status_code == 400
    assert signed_in.post("/theme/", {"theme": "dark", "next": "//elsewhere.example/"}).url == "/"
    signed_in.cookies["theme"] = "pink"
    assert '<html lang="en">' in signed_in.get("/jump/").content.decode()


@pytest.mark.django_db
def test_navigation_marks_where_one_is(signed_in):
    text = signed_in.get("/workers/").content.decode()
    assert '<a href="/workers/" aria-current="page">Workers</a>' in text
    for path in ("/searches/", "/leaderboard/", "/datasets/"):
        assert f'<a href="{path}">' in text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (9999, "9999"),
        (10000, f"10{NARROW}000"),
        (3346538, f"3{NARROW}346{NARROW}538"),
        (-20000, f"\u221220{NARROW}000"),
        (None, ""),
    ],
)
def test_thousands(value, words):
    assert parts.thousands(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (312, "312"),
        (48210, "48.2 k"),
        (999_700, "1.00 M"),
        (1_023_456, "1.02 M"),
        (163e6, "163 M"),
        (1.4e9, "1.40 G"),
    ],
)
def test_mega(value, words):
    assert parts.mega(value) == words.replace(" ", SPACE)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0.0 s"),
        (0.34, "0.3 s"),
        (41.2, "41 s"),
        (59.7, "1 min"),
        (100, "1 min 40 s"),
        (720, "12 min"),
        (3599, "1 h"),
        (8640, "2 h 24 min"),
        (86400 * 3 + 4 * 3600, "3 d 4 h"),
        (86399, "1 d"),
    ],
)
def test_duration(value, words):
    assert parts.duration(value).replace(SPACE, " ") == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0 B"), (312, "312 B"), (48200, "48.2 kB"), (412e6, "412 MB"), (1.2e9, "1.20 GB"), (4e9, "4 GB")],
)
def test_bytes(value, words):
    assert parts.byte_count(value) == words.replace(" ", SPACE)


def test_percent_and_accuracy():
    assert parts.percent(0.93125) == f"93.12{SPACE}%"
    assert parts.percent(0.5, 0) == f"50{SPACE}%"
    assert parts.accuracy(0.9312) == '93.12<span class="unit">%</span>'
    assert parts.accuracy(None) == ""


def test_ago():
    assert parts.ago(timezone.now() + timedelta(seconds=5)) == "now"
    assert parts.ago(timezone.now() - timedelta(seconds=4)) == f"4{SPACE}s ago"


def test_state_has_a_shape_and_a_word():
    from webapp.models import Dataset, Search, Trial

    for states in (Dataset.State, Search.State, Trial.State):
        for state in states:
            drawn = parts.state(state)
            assert "<svg" in drawn
            assert f"</i>{state}</span>" in drawn
    assert "</i>silent</span>" in parts.state("failed", "silent")
    assert "&lt;b&gt;" in parts.state("failed", "<b>")


def test_spark_stays_in_its_frame():
    drawn = parts.spark([0.5, 0.5, 0.9])
    assert 'viewBox="0 0 96 28"' in drawn
    assert parts.spark([0.5]) == ""
