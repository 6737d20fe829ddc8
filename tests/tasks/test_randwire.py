"""RandWire from the proposal to the removal damage, with real children on digits: nothing here is stood in for but Redis."""

import pytest
from django.conf import settings

from nas_engine.datasets import prepare, read_info
from nas_engine.errors import ConfigError
from nas_engine.search_config import read_search
from tasks import clock, housekeeping, live, removals, requests
from tests.webapp import seeding
from webapp.models import RemovalStudy, Search, Trial
from webapp.services.owner import local_owner
from webapp.services.removals import request_study, study_of
from webapp.services.searches import create_search

SMALL = {
    "name": "Wired",
    "space": "randwire",
    "space_config": {"nodes": 6, "er_p": ["0.4"], "ba_m": ["1", "3"], "ws_k": ["2", "4"], "ws_p": ["0.5"], "seeds": 3},
    "data": {"dataset": "digits", "train_limit": 120, "valid_fraction": 0.25},
    "skeleton": {"filters": 4},
    "training": {"epochs": 1, "batch_size": 32, "learning_rate": 0.1, "crop": 0, "flip": False, "precision": "float32"},
    "budget": {"trials": 4, "parallelism": 2, "keep_weights": 2},
}
QUICK = {
    "random": {},
    "regularized_evolution": {"population": 2, "sample": 2},
    "ppo": {"batch": 2, "hidden": 8},
    "reinforce": {"batch": 2, "hidden": 8, "layers": 1},
    "grid": {},
}


@pytest.fixture
def digits(transactional_db):
    """The real images, prepared once for all tests."""
    row, folder = seeding.dataset(), settings.DATASETS_DIR / "digits"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        prepare("digits", "Digits", {"kind": "digits"}, folder, folder, lambda fraction, text: None)
    row.fingerprint = read_info(folder).fingerprint
    row.save(update_fields=["fingerprint"])
    return row


def searched(queue, strategy: str = "random", **changes) -> Search:
    live.forget()
    config = SMALL | {"strategy": strategy, "strategy_config": QUICK[strategy]} | changes
    search = create_search(read_search(config), local_owner())
    queue.deliver()
    search.refresh_from_db()
    return search


@pytest.mark.parametrize("strategy", QUICK)
def test_every_strategy_searches_random_graphs_end_to_end(digits, queue, stop, strategy):
    search = searched(queue, strategy)
    assert search.state == Search.State.FINISHED
    trials = list(search.trials.order_by("number"))
    assert len(trials) == 4 and all(trial.state in Trial.MEASURED for trial in trials)
    trained = [trial for trial in trials if trial.state == Trial.State.FINISHED]
    assert all(trial.params > 1000 and trial.macs > 10_000 and 0 <= trial.valid_accuracy <= 1 for trial in trained)
    assert len({trial.cell_id for trial in trained}) == len(trained), "isomorphic networks are trained once"


@pytest.fixture
def trained(digits, queue, stop) -> Trial:
    search = searched(queue, budget=SMALL["budget"] | {"trials": 2})
    return search.trials.filter(weights__isnull=False).order_by("number").first()


def test_the_damage_of_every_node_and_edge_is_measured_on_kept_weights(trained, queue):
    study = request_study(trained)
    assert request_study(trained).pk == study.pk, "a second wish is not a second study"
    queue.deliver()
    study.refresh_from_db()
    assert (study.state, study.error) == ("finished", "")
    result = study.result
    # Kept weights on the images they were measured on give the accuracy that was measured.
    assert result["images"] == 30 and result["accuracy"] == pytest.approx(trained.valid_accuracy)
    edges = [row for row in result["removals"] if row[2]]
    nodes = [row for row in result["removals"] if not row[2]]
    assert len(nodes) == 18 and study.done == study.of == len(nodes) + len(edges)
    assert all(-1 <= lost <= 1 for *_, lost in result["removals"])
    assert request_study(trained).pk == study.pk and not queue.messages, "what is known is not found again"


def test_a_study_needs_weights(digits, queue, stop):
    search = searched(queue, budget=SMALL["budget"] | {"trials": 1, "keep_weights": 0})
    with pytest.raises(ConfigError, match="were not kept"):
        request_study(search.trials.get())


def test_a_failed_study_says_why_and_can_be_asked_for_again(trained, queue, monkeypatch):
    def broken(*_):
        raise RuntimeError("the disk is on fire")

    with monkeypatch.context() as patch:
        patch.setattr(removals, "measure", broken)
        request_study(trained)
        queue.deliver()
    assert study_of(trained).state == "failed" and "the disk is on fire" in study_of(trained).error
    assert request_study(trained).attempt == 3
    queue.deliver()
    assert study_of(trained).state == "finished"


def test_a_study_of_a_lost_worker_is_taken_up_again_and_counts_once(trained, queue):
    study = request_study(trained)
    queue.messages.clear()
    claimed = requests.claim(RemovalStudy, study.pk, 0)
    assert requests.claim(RemovalStudy, study.pk, 0) is None
    RemovalStudy.objects.update(heartbeat=clock.now() - housekeeping.FORGOTTEN)
    housekeeping.sweep()
    removals.end(claimed, {"state": "finished", "result": {"late": True}})
    assert study_of(trained).state == "queued"
    queue.deliver()
    assert "late" not in study_of(trained).result and study_of(trained).state == "finished"


def test_a_study_whose_message_was_lost_is_sent_again(trained, queue):
    study = request_study(trained)
    queue.messages.clear()
    RemovalStudy.objects.update(sent=None)
    housekeeping.sweep()
    assert queue.take("study_removals") == [(study.pk, 0)]


def test_a_worker_told_to_end_puts_a_study_back(trained, queue, stop):
    request_study(trained)
    stop.set()
    queue.deliver_next()
    assert study_of(trained).state == "queued"
    stop.clear()
    queue.deliver()
    assert study_of(trained).state == "finished"
