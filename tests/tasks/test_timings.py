"""Where a trial's seconds went: booked once, for the trial and for its search, whatever becomes of the attempt."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from nas_engine.errors import EvaluationFailed
from nas_engine.trial import Evaluation
from tasks import clock, recording, search, timings, train
from webapp.models import Search, Trial

CPU = {"kind": "cpu", "name": "Test CPU", "threads": 1}
TOOK = {"data": 1.0, "train": 5.0, "evaluate": 2.0}


@pytest.fixture
def queued(start, queue) -> Trial:
    """The first trial of a search, on the queue for half a minute."""
    found = start()
    search.advance_search(found.pk)
    pk, _ = queue.take("train_child")[0]
    Trial.objects.filter(pk=pk).update(sent=clock.now() - timedelta(seconds=30))
    return Trial.objects.get(pk=pk)


def claim(trial: Trial) -> Trial:
    trial.refresh_from_db()
    claimed = recording.claim(trial.pk, trial.attempt, "train-0@elm", CPU)
    Trial.objects.filter(pk=trial.pk).update(started=claimed.started - timedelta(seconds=10))
    claimed.refresh_from_db()
    return claimed


def stored(trial: Trial) -> tuple[dict, dict]:
    """What is booked of the trial, and of its search, in whole seconds."""
    rows = Trial.objects.get(pk=trial.pk).timings, Search.objects.get(pk=trial.search_id).timings
    return tuple({name: round(seconds) for name, seconds in row.items() if round(seconds)} for row in rows)


def finish(trial: Trial) -> bool:
    evaluation = Evaluation(0.5, 10, 20, None, 8.0, trial.protocol)
    return recording.finish(trial, evaluation, 0.5, [], CPU, b"weights", None, TOOK)


def test_a_result_comes_with_where_its_seconds_went(queued):
    claimed = claim(queued)
    assert finish(claimed) and not finish(claimed)  # a result that comes twice is booked once
    assert stored(queued) == ({"queue": 30, "data": 1, "train": 5, "evaluate": 2},) * 2
    assert Trial.objects.get(pk=queued.pk).timings["store"] > 0


def test_what_an_attempt_took_that_was_put_back_is_lost(queued):
    recording.put_back(claim(queued), "its worker is ending")
    Trial.objects.filter(pk=queued.pk).update(sent=clock.now() - timedelta(seconds=4))
    finish(claim(queued))
    assert stored(queued) == ({"queue": 34, "data": 1, "train": 5, "evaluate": 2, "lost": 10},) * 2


def test_a_lost_worker_is_booked_up_to_its_last_sign_of_life(queued):
    claimed = claim(queued)
    Trial.objects.filter(pk=queued.pk).update(heartbeat=claimed.started + timedelta(seconds=7))
    claimed.refresh_from_db()
    assert recording.requeue_lost(claimed)
    assert stored(queued)[0] == {"queue": 30, "lost": 7}


def test_a_failed_attempt_is_lost_to_its_trial_once_it_is_tried_again(queued, evaluator):
    def fails(trial, epoch):
        if epoch == 2:
            raise EvaluationFailed("Loss became NaN")

    evaluator.before = fails
    train.train_child(queued.pk, queued.attempt)
    queued.refresh_from_db()
    assert queued.state == Trial.State.FAILED
    assert (queued.timings["train"], queued.timings["evaluate"]) == (pytest.approx(0.08), pytest.approx(0.02))
    fields = {"state": Trial.State.QUEUED, "attempt": recording.next_round(queued.attempt)}
    Trial.objects.filter(pk=queued.pk).update(**fields, sent=clock.now())
    claim(queued)
    queued.refresh_from_db()
    assert set(queued.timings) == {"queue", "lost"} and queued.timings["lost"] >= 0.1


def test_a_stopwatch_leaves_no_second_out(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(timings, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    watch = timings.Stopwatch()
    now[0] += 1  # reading the configuration
    with watch.taking("report"):
        now[0] += 0.5
    now[0] += 8.5  # the evaluator's own
    with watch.taking("store"):
        now[0] += 2
    found = watch.of_outcome({"data": 1.0, "train": 6.0, "evaluate": 2.0, "total": 9.0})
    assert found == {"data": 1.0, "train": 5.5, "evaluate": 2.0, "store": 2.5, "other": 1.0}
    assert timings.added({"train": 1.0}, {"train": 2.0, "store": 0.00004}) == {"train": 3.0, "store": 0.0}
