"""The workers' page."""

import random
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from nas_engine.search_config import read_search
from tests.webapp import seeding
from webapp.models import FullTraining, TrainingRun, Trial, WeightsRequest, Worker
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
    assert re.search("1\u00a0min \\d+\u00a0s ago", text)
    assert "3 waiting in queue train" in text


def plain(response) -> str:
    return " ".join(re.sub(r"<.*?>", " ", response.content.decode()).split())


def test_what_a_worker_has_in_hand_with_its_progress(signed_in):
    search = seeding.search(seeding.SMALL, state="running")
    space = read_search(search.config).build_space()
    names = {"valid_accuracy": None, "reward": None}
    fields = {"state": "running", "epoch": 3, "epochs": 8, "worker": "train-0@birch", "started": timezone.now()} | names
    trial = seeding.trial(search, 1, space.sample(random.Random(1)), **fields)
    training = FullTraining.objects.create(
        owner=search.owner, cell=trial.cell, dataset=search.dataset, config={}, name="Full", protocol_summary=""
    )
    fields = {"token": "1", "state": "running", "worker": "train-1@birch", "epoch": 40, "epochs": 600}
    TrainingRun.objects.create(training=training, seed=0, **fields)
    worker(trial=trial, doing="trial 1 of Digits")
    worker("train-1@birch", doing="Full, seed 0")
    worker("train-2@birch", doing="weights of trial 1 of Digits", trial=seeding.measured(search, 1)[0])
    response = signed_in.get("/workers/")
    text, words = response.content.decode(), plain(response)
    assert 'aria-label="epoch 3 of 8"' in text and 'aria-label="epoch 40 of 600"' in text
    assert f'<a href="/trainings/{training.pk}/">Full, seed 0</a>' in text
    assert "weights of trial 1 of Digits" in words and text.count("<progress") == 2
    version = signed_in.get("/workers/live/")["X-Version"]
    TrainingRun.objects.update(epoch=41)
    assert signed_in.get(f"/workers/live/?since={version}").status_code == 200


def test_what_waits_is_counted_by_kind(signed_in):
    search = seeding.search(seeding.SMALL, state="running")
    rows = seeding.measured(search, 3)
    Trial.objects.filter(pk__in=[row.pk for row in rows[:2]]).update(state="queued")
    WeightsRequest.objects.create(trial=rows[2])
    stopped = seeding.search(seeding.SMALL, state="stopped")
    seeding.measured(stopped, 1, seed=4)
    stopped.trials.update(state="queued")
    words = plain(signed_in.get("/workers/"))
    assert "Waiting for training 3 2 trials, 1 trial for its weights" in words


def test_machines_stand_together_and_silence_is_explained(signed_in):
    worker("train-0@birch", doing="trial 3")
    worker("train-0@oak", silent=100, doing="trial 4 of Digits")
    worker("search-0@oak")
    words = plain(signed_in.get("/workers/"))
    assert "birch 1 worker, 1 at work" in words and "oak 2 workers" in words
    assert "was at trial 4 of Digits" in words and "Silent 1 what they had is given to others" in words
    Worker.objects.filter(host="birch").delete()
    words = plain(signed_in.get("/workers/"))
    assert "oak 2 workers" not in words, "one machine needs no heading"
    assert "No train worker is alive." in words and "it takes up what waits" in words


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
