"""The workers' page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.webapp import seeding
from webapp.models import Worker
from webapp.views import workers as view

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def queues(monkeypatch):
    lengths = {"search": 0, "train": 3}
    monkeypatch.setattr(view, "queue_lengths", lambda: lengths)
    return lengths


def worker(name="train-0@birch", silent=0, **fields):
    now = timezone.now()
    about = {
        "host": name.partition("@")[2],
        "queue": name.partition("-")[0],
        "pid": 1,
        "device": {"kind": "cpu", "threads": 2},
        "started": now,
        "heartbeat": now - timedelta(seconds=silent),
    }
    return Worker.objects.create(name=name, **about | fields)


def test_nobody_there(signed_in):
    text = signed_in.get("/workers/").content.decode()
    assert "No worker is alive." in text
    assert "script/server" in text


def test_who_is_alive_and_what_they_do(signed_in):
    search = seeding.search()
    trial = seeding.measured(search, 1)[0]
    worker(trial=trial, doing="trial 1")
    worker("train-1@birch", device={"kind": "cuda", "name": "H200", "memory": 141_000_000_000})
    worker("train-2@oak", silent=100)
    worker("search-0@birch")
    text = signed_in.get("/workers/").content.decode()
    assert "3 alive; 1 of 2 train workers busy." in " ".join(text.split())
    assert f'href="/searches/{search.pk}/trials/{trial.number}/"' in text
    assert "H200, 141\u00a0GB" in text
    assert "CPU, 2 threads" in text
    assert "silent" in text
    assert "1\u00a0min 40\u00a0s ago" in text
    assert "3 waiting in queue train" in text


def test_redis_that_does_not_answer_is_said(signed_in, monkeypatch):
    monkeypatch.setattr(view, "queue_lengths", lambda: None)
    text = signed_in.get("/workers/").content.decode()
    assert "Redis cannot be reached." in text


def test_live_fragment(signed_in, queues):
    row = worker()
    version = signed_in.get("/workers/live/").headers["X-Version"]
    assert signed_in.get(f"/workers/live/?since={version}").status_code == 204
    queues["train"] = 4
    assert signed_in.get(f"/workers/live/?since={version}").status_code == 200
    version = signed_in.get("/workers/live/").headers["X-Version"]
    Worker.objects.filter(pk=row.pk).update(heartbeat=timezone.now() + timedelta(seconds=5))
    assert signed_in.get(f"/workers/live/?since={version}").status_code == 200


@pytest.mark.parametrize(
    ("engine", "broker", "words"),
    [
        ("sqlite3", "redis+socket:///x", "SQLite and its own Redis"),
        ("sqlite3", "redis://main", "SQLite, which only this machine reaches"),
        ("postgresql", "redis+socket:///x", "its own Redis, which only this machine reaches"),
        ("postgresql", "redis://main", "The same program with the same two variables."),
    ],
)
def test_commands_fit_how_this_server_keeps_its_state(settings, monkeypatch, engine, broker, words):
    from django.template.loader import render_to_string

    databases = {"default": {**settings.DATABASES["default"], "ENGINE": f"django.db.backends.{engine}"}}
    monkeypatch.setattr(view, "settings", type("Settings", (), {"DATABASES": databases, "BROKER_URL": broker})())
    for name in ("BASE_DIR", "DATA_DIR", "DATASETS_DIR"):
        monkeypatch.setattr(view.settings, name, getattr(settings, name), raising=False)
    text = render_to_string("workers/workers.html", {"version": "", **view._commands()})
    assert words in " ".join(text.split())
    assert "manage.py worker train" in text
