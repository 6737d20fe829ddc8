"""The first page: teaching at first, telling later."""

import re

import pytest
from django.utils import timezone

from tasks import messages
from tests.webapp import seeding
from webapp.models import Dataset, Search, Trial
from webapp.results import overview
from webapp.services import datasets
from webapp.views import workers

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_redis(monkeypatch):
    monkeypatch.setattr(workers, "queue_lengths", lambda: {"search": 0, "train": 2})
    monkeypatch.setattr(messages, "send", lambda *words: True)


def text_of(client, path="/") -> str:
    return re.sub(r"[ \n]+", " ", client.get(path).content.decode())


def test_first_run_offers_the_demo_as_soon_as_its_data_are_ready(signed_in):
    assert "Its data set, Digits, is not here." in text_of(signed_in)
    datasets.ensure_builtin()
    text = text_of(signed_in)
    assert "Start with the Laptop demo" in text
    assert "The start button appears when it is ready." in text
    assert "Start the Laptop demo</button>" not in text
    Dataset.objects.update(state="ready", channels=1, height=8, width=8, classes=list("0123456789"))
    text = text_of(signed_in)
    assert "Start the Laptop demo</button>" in text
    assert text.count('action="/presets/laptop-demo/start/"') == 2
    response = signed_in.post("/presets/laptop-demo/start/")
    assert response.url == f"/searches/{Search.objects.get().pk}/"
    assert "Start with the Laptop demo" not in text_of(signed_in)


def test_presets_whose_data_are_missing_lead_to_the_data_sets(signed_in):
    text = text_of(signed_in)
    assert "Add CIFAR-10, which Small CIFAR-10 needs" in text


def test_nobody_to_train_is_said(signed_in):
    assert "No train worker is alive." in text_of(signed_in)


def test_running_search_shows_progress_and_its_best(signed_in):
    search = seeding.search(state="running", active_seconds=60.0, resumed=timezone.now(), ended=None)
    seeding.measured(search, 6)
    text = text_of(signed_in)
    assert "<h1>One search running</h1>" in text
    total = search.config["budget"]["trials"]
    assert f'<progress value="6" max="{total}"' in text
    assert "10\u00a0s a trial" in text
    best = search.trials.order_by("-valid_accuracy").first()
    assert f"{100 * best.valid_accuracy:.2f}" in text
    assert f'href="/cells/{best.cell_id}/"' in text
    assert '<a class="pulse" href="/#running">1' in text


def test_best_cells_are_of_one_protocol(signed_in):
    short = seeding.search()
    seeding.measured(short, 6, seed=1)
    longer = seeding.search(seeding.SMALL | {"training": seeding.SMALL["training"] | {"epochs": 20}})
    seeding.measured(longer, 3, seed=2)
    best = overview.best_cells()
    assert {trial.protocol for trial in best.trials} == {short.protocol}
    accuracies = [trial.valid_accuracy for trial in best.trials]
    assert accuracies == sorted(accuracies, reverse=True)
    assert len(accuracies) == overview.BEST
    other = overview.best_cells(longer.protocol)
    assert {trial.protocol for trial in other.trials} == {longer.protocol}
    assert f"/leaderboard/?protocol={longer.protocol}" in text_of(signed_in, f"/?protocol={longer.protocol}")


def test_best_cells_offer_one_protocol_of_each_data_set(signed_in):
    data = {"data": {"dataset": "moths"}}
    for config, count in (
        (seeding.SMALL, 3),
        (seeding.SMALL | data, 2),
        (seeding.SMALL | {"training": {"epochs": 3}}, 1),
    ):
        seeding.measured(seeding.search(config), count)
    assert [one.dataset for one in overview.best_cells().protocols] == ["digits", "moths"]
    assert "?protocol=" in text_of(signed_in)


def test_lately_tells_of_ended_searches_and_failed_trials(signed_in):
    search = seeding.search()
    trials = seeding.measured(search, 4)
    Trial.objects.filter(pk=trials[0].pk).update(state="failed", error="Loss became NaN at epoch 3.")
    Trial.objects.filter(pk=trials[1].pk).update(state="reused")
    text = text_of(signed_in)
    assert "Trial 1 of Digits, a first look</a>: Loss became NaN at epoch 3." in text
    assert "1 of them were known already." in text
    ended, failed = sorted(overview.lately(), key=lambda event: event.trial is not None)
    assert (ended.measured, ended.reused, failed.state) == (3, 1, "failed")


def test_time_left_respects_the_limit_in_hours():
    budget = {"trials": 100, "hours": 0.05, "parallelism": 2}
    search = seeding.search(seeding.SMALL | {"budget": budget}, state="running", active_seconds=120.0, ended=None)
    seeding.measured(search, 4)
    (row,) = overview.under_way()
    assert row.pace == 30.0
    assert row.left == pytest.approx(60.0)


def test_live_fragment(signed_in):
    search = seeding.search(state="running", ended=None)
    version = signed_in.get("/live/").headers["X-Version"]
    assert signed_in.get(f"/live/?since={version}").status_code == 204
    Search.objects.filter(pk=search.pk).update(version=7)
    changed = signed_in.get(f"/live/?since={version}")
    assert changed.status_code == 200
    assert changed.content.decode().lstrip().startswith('<div id="home">')


def test_page_asks_the_database_a_bounded_number_of_times(signed_in, django_assert_max_num_queries):
    seeding.measured(seeding.search(state="running", ended=None), 50)
    with django_assert_max_num_queries(40):
        signed_in.get("/")


def test_the_tour_is_shown_once_and_whenever_it_is_asked_for(signed_in, db):
    assert 'id="tour"' in signed_in.get("/").content.decode()
    signed_in.cookies["tour"] = "seen"
    assert 'id="tour"' not in signed_in.get("/").content.decode()
    assert 'id="tour"' in signed_in.get("/?tour=1").content.decode()
