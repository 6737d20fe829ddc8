"""A weight-sharing search: a real supernet on real digits, epochs that are stored whole, and derived cells as trials."""

import pytest

from nas_engine.config import as_dict
from nas_engine.datasets import prepare
from nas_engine.errors import ConfigError
from nas_engine.evaluators.supernet.presets import read_supernet
from nas_engine.search_config import read_search
from tasks import full_training, live, supernet, supernet_recording
from tasks import search as coordinator
from tests.webapp import seeding
from webapp.models import Dataset, Search, SupernetCheckpoint, SupernetRun, Trial
from webapp.services import cost_previews, searches
from webapp.services.owner import local_owner

METHODS = {
    "darts": {"skeleton": {"dialect": "darts", "layers": 3, "filters": 4}, "supernet": {"nodes": 2}},
    "enas-micro": {
        "skeleton": {"dialect": "enas", "layers": 3, "filters": 4},
        "supernet": {"nodes": 2, "controller": {"updates": 1, "samples": 2}, "derive_samples": 2},
    },
}


def config(method: str, epochs: int = 2, **changes) -> dict:
    about = METHODS[method]
    weights = {"epochs": epochs, "batch_size": 32, "crop": 0, "flip": False, "precision": "float32"}
    weights |= {"first_period": epochs}
    return {
        "name": f"Tiny {method}",
        "evaluator": "supernet",
        "evaluator_config": as_dict(read_supernet({"method": method, **about["supernet"], "weights": weights})),
        "data": {"dataset": "digits", "valid_fraction": 0.5, "train_limit": 128},
        "skeleton": about["skeleton"],
        "training": {"epochs": 1, "batch_size": 32, "crop": 0, "flip": False},
        "budget": {"trials": 2},
        **changes,
    }


@pytest.fixture
def digits(transactional_db, tmp_path, monkeypatch):
    """The data set's row and its real images."""
    info = prepare("digits", "Digits", {"kind": "digits"}, tmp_path / "digits", tmp_path, lambda share, text: None)
    row = seeding.dataset()
    type(row).objects.filter(pk=row.pk).update(fingerprint=info.fingerprint)
    monkeypatch.setattr(supernet, "local_folder", lambda dataset: tmp_path / "digits")
    live.forget()


@pytest.fixture
def begin(digits, queue, evaluator, stop):
    def begin(method: str = "darts", **changes) -> Search:
        return searches.create_search(read_search(config(method, **changes)), local_owner())

    return begin


@pytest.mark.parametrize("method", METHODS)
def test_a_search_ends_with_its_derived_cells_trained_by_themselves(begin, queue, method):
    found = begin(method)
    queue.deliver()
    found.refresh_from_db()
    run = found.supernet
    assert (found.state, found.strategy) == (Search.State.FINISHED, method)
    assert (run.state, run.epoch, len(run.derived)) == (SupernetRun.State.FINISHED, 2, run.records.count())
    trials = list(found.trials.order_by("number"))
    assert {trial.state for trial in trials} <= {Trial.State.FINISHED, Trial.State.REUSED} and trials
    assert [trial.info["supernet_score"] for trial in trials] == [one["supernet_score"] for one in run.derived]
    assert all(trial.valid_accuracy != trial.info["supernet_score"] for trial in trials), "scores are never results"
    assert not SupernetCheckpoint.objects.exists(), "nobody goes on with a finished supernet"
    record = run.records.get(number=2).record
    assert record["derived"]["cells"] and record["finished"]


def test_a_worker_that_ends_puts_the_supernet_back_and_another_goes_on_to_the_same_result(
    begin, queue, stop, monkeypatch
):
    straight = begin(epochs=3)
    queue.deliver()
    broken = begin(epochs=3)
    store = supernet_recording.epoch_done

    def then_end(run, record, checkpoint):
        stored = store(run, record, checkpoint)
        if record["epoch"] == 1:
            stop.set()
        return stored

    monkeypatch.setattr(supernet_recording, "epoch_done", then_end)
    coordinator.advance_search(broken.pk)
    queue.deliver_next() if queue.messages[0][0] == "train_supernet" else None
    while queue.messages and not stop.is_set():
        queue.deliver_next()
    run = SupernetRun.objects.get(search=broken)
    assert (run.state, run.epoch) == (SupernetRun.State.QUEUED, 1)
    stop.clear()
    monkeypatch.setattr(supernet_recording, "epoch_done", store)
    queue.deliver()
    records = [
        [one.record for one in SupernetRun.objects.get(search=search).records.all()] for search in (straight, broken)
    ]
    measured = ("seconds", "images_per_second", "memory")
    plain = [[{k: v for k, v in record.items() if k not in measured} for record in each] for each in records]
    assert plain[0] == plain[1], "a resumed search equals one that was never interrupted"


def test_a_paused_search_stands_still_and_goes_on(begin, queue):
    found = begin()
    coordinator.advance_search(found.pk)
    searches.pause_search(found)
    queue.deliver()
    run = SupernetRun.objects.get(search=found)
    assert (run.state, run.epoch) == (SupernetRun.State.QUEUED, 0)
    searches.resume_search(found)
    queue.deliver()
    found.refresh_from_db()
    assert found.state == Search.State.FINISHED


def test_a_supernet_that_fails_ends_the_search_with_the_reason_and_can_be_tried_again(begin, queue, monkeypatch):
    found = begin()
    opened = supernet.opened

    def broken(run, config):
        raise RuntimeError("something unforeseen")

    monkeypatch.setattr(supernet, "opened", broken)
    queue.deliver()
    found.refresh_from_db()
    assert found.state == Search.State.FAILED and "something unforeseen" in found.reason
    monkeypatch.setattr(supernet, "opened", opened)
    searches.resume_search(found)
    queue.deliver()
    found.refresh_from_db()
    assert found.state == Search.State.FINISHED


def test_lost_workers_are_forgiven_as_long_as_epochs_are_done_between(begin, queue):
    found = begin()
    coordinator.advance_search(found.pk)
    run = SupernetRun.objects.get(search=found)
    for attempt in range(3):
        claimed = supernet_recording.claim(run.pk, run.attempt, "train-0@elm", {"kind": "cpu"})
        assert claimed.attempt == attempt
        supernet_recording.requeue_lost(claimed)
        run.refresh_from_db()
    assert run.state == SupernetRun.State.FAILED and "lost 3 times" in run.error
    SupernetRun.objects.filter(pk=run.pk).update(state=SupernetRun.State.QUEUED, attempt=2)
    claimed = supernet_recording.claim(run.pk, 2, "train-0@elm", {"kind": "cpu"})
    claimed.epoch = 1
    supernet_recording.requeue_lost(claimed)
    run.refresh_from_db()
    assert (run.state, run.attempt) == (SupernetRun.State.QUEUED, 3)


def test_what_an_outdated_attempt_brings_does_not_count(begin, queue):
    found = begin()
    coordinator.advance_search(found.pk)
    run = SupernetRun.objects.get(search=found)
    late = supernet_recording.claim(run.pk, 0, "train-0@elm", {"kind": "cpu"})
    supernet_recording.requeue_lost(late)
    assert not supernet_recording.epoch_done(late, {"epoch": 1, "epochs": 2}, b"state")
    assert not supernet_recording.finish(late, [])
    run.refresh_from_db()
    assert run.epoch == 0 and not run.records.exists()


def test_settings_that_do_not_suit_the_method_are_refused_at_their_field():
    for changes, field in (
        ({"skeleton": {"dialect": "tf", "layers": 3, "filters": 4}}, "skeleton.dialect"),
        ({"skeleton": {"kind": "imagenet", "dialect": "darts", "filters": 4}}, "skeleton.kind"),
    ):
        with pytest.raises(ConfigError) as caught:
            read_search(config("darts", **changes))
        assert field in caught.value.problems


def test_a_supernet_is_timed_before_it_is_started(digits, queue, stop, monkeypatch):
    monkeypatch.setattr(full_training, "local_folder", supernet.local_folder)
    asked = read_search(config("darts"))
    preview = cost_previews.ask_supernet(asked, Dataset.objects.get(slug="digits"))
    assert cost_previews.known_supernet(asked, preview.dataset) == preview
    queue.deliver()
    preview.refresh_from_db()
    assert preview.state == "finished", preview.error
    assert preview.result["seconds_per_epoch"] > 0 and preview.result["peak_memory"] > 0
    assert preview.result["seconds"] >= preview.result["seconds_per_epoch"] * 2
