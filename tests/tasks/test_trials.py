"""A trial is claimed once and counts once, whoever comes second, late or back from the dead."""

import math

import pytest
from django.db import OperationalError

from nas_engine.trial import Evaluation
from tasks import patience, recording, search, train
from tasks.workers import Job
from webapp.models import Search, Trial
from webapp.services import searches

State = Trial.State
CPU = {"kind": "cpu", "name": "Test CPU", "threads": 1}


@pytest.fixture
def queued(start, queue):
    """The first trial of a search, queued, and its message's arguments."""
    found = start()
    search.advance_search(found.pk)
    arguments = queue.take("train_child")[0]
    return found.trials.get(pk=arguments[0]), arguments


def claim(trial: Trial, worker: str = "train-0@elm") -> Trial | None:
    return recording.claim(trial.pk, trial.attempt, worker, CPU)


def finish(trial: Trial, accuracy: float = 0.5) -> bool:
    evaluation = Evaluation(accuracy, 10, 20, None, 1.0, trial.protocol)
    return recording.finish(trial, evaluation, accuracy, [], CPU, b"weights")


def test_of_two_claims_one_gets_the_trial(queued):
    trial, _ = queued
    assert claim(trial, "train-0@elm").worker == "train-0@elm"
    assert claim(trial, "train-1@elm") is None
    trial.refresh_from_db()
    assert (trial.state, trial.worker) == (State.RUNNING, "train-0@elm")


def test_a_message_of_an_earlier_attempt_claims_nothing(queued):
    trial, (pk, attempt) = queued
    Trial.objects.filter(pk=pk).update(attempt=attempt + 1)
    train.train_child(pk, attempt)
    trial.refresh_from_db()
    assert trial.state == State.QUEUED


def test_a_message_delivered_twice_trains_once(queued, evaluator):
    trial, arguments = queued
    train.train_child(*arguments)
    train.train_child(*arguments)
    assert len(evaluator.trained) == 1


def test_a_message_of_a_deleted_search_does_nothing(queued):
    trial, arguments = queued
    Search.objects.all().delete()
    train.train_child(*arguments)


def test_a_worker_back_from_the_dead_changes_nothing(queued):
    trial, _ = queued
    old = claim(trial)
    assert recording.requeue_lost(old)
    new = recording.claim(trial.pk, old.attempt + 1, "train-1@elm", CPU)
    assert not recording.progress(old, [{"epoch": 1}], 2)
    assert not finish(old, 0.9)
    assert not recording.fail(old, "loss became NaN")
    assert not recording.put_back(old, "its worker is ending")
    trial.refresh_from_db()
    assert (trial.state, trial.attempt, trial.valid_accuracy) == (State.RUNNING, 1, None)
    assert finish(new, 0.7) and not finish(new, 0.8)
    trial.refresh_from_db()
    assert trial.valid_accuracy == 0.7


def test_a_worker_lost_three_times_fails_the_trial(queued, queue):
    trial, _ = queued
    for attempt in range(3):
        trial.attempt = attempt
        assert recording.requeue_lost(claim(trial, f"train-{attempt}@elm"))
    trial.refresh_from_db()
    assert (trial.state, trial.attempt) == (State.FAILED, 2)
    assert trial.error == "its worker was lost 3 times, last train-2@elm"
    assert "memory" in trial.advice
    assert [message for message in queue.take("train_child") if message[0] == trial.pk] == [
        (trial.pk, 1),
        (trial.pk, 2),
    ]


def test_a_sign_of_life_keeps_a_trial_from_being_requeued(queued):
    trial, _ = queued
    claimed = claim(trial)
    Job(claimed, "", claimed, claimed.search_id).check(alive=True)
    assert not recording.requeue_lost(claimed)


def test_a_result_has_everything(queued):
    trial, arguments = queued
    train.train_child(*arguments)
    trial.refresh_from_db()
    assert (trial.state, trial.epoch, trial.epochs, len(trial.curve)) == (State.FINISHED, 2, 2, 2)
    assert trial.reward == trial.valid_accuracy and trial.macs == 20_000 and trial.params == 1000
    assert trial.started <= trial.ended and trial.seconds == 0.2
    lines = list(trial.search.log.order_by("id").values_list("text", "level"))
    assert lines[1][0].startswith(f"trial {trial.number} started on ")
    assert lines[-1][0].endswith("MACs, the best so far") and lines[-1][1] == "good"


def test_nan_never_enters_the_database(queued):
    trial, _ = queued
    claimed = claim(trial)
    assert recording.progress(claimed, [{"epoch": 1, "train_loss": math.nan, "valid_accuracy": math.inf}], 2)
    trial.refresh_from_db()
    assert trial.curve == [{"epoch": 1, "train_loss": None, "valid_accuracy": None}]
    assert recording.clean({"a": (1.0, [-math.inf])}) == {"a": [1.0, [None]]}


def test_a_bug_in_training_fails_the_trial_with_its_name(queued, evaluator):
    def bug(trial, epoch):
        raise RuntimeError("shape mismatch")

    evaluator.before = bug
    trial, arguments = queued
    train.train_child(*arguments)
    trial.refresh_from_db()
    assert (trial.state, trial.error) == (State.FAILED, "RuntimeError: shape mismatch")


def test_a_worker_told_to_end_puts_its_trial_back(queued, queue, evaluator, stop):
    evaluator.before = lambda trial, epoch: stop.set() if epoch == 2 else None
    trial, arguments = queued
    train.train_child(*arguments)
    trial.refresh_from_db()
    assert (trial.state, trial.attempt, trial.curve, trial.worker) == (State.QUEUED, arguments[1], [], "")
    assert queue.take("train_child") == [arguments]
    assert trial.search.log.first().text.endswith("put back: its worker is ending")


def test_a_result_waits_for_a_database_that_is_away(monkeypatch, db):
    tries = []

    def store(value):
        tries.append(value)
        if len(tries) < 3:
            raise OperationalError("server closed the connection")
        return "stored"

    monkeypatch.setattr(patience.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(patience, "connection", type("C", (), {"in_atomic_block": False, "close": lambda self: None})())
    assert patience.patiently(store, 7) == "stored" and tries == [7, 7, 7]


class TestPauseAndStop:
    def test_a_pause_puts_running_trials_back_and_resuming_goes_on(self, queued, queue, evaluator, monkeypatch):
        trial, arguments = queued
        jobs = []
        enter = Job.__enter__
        monkeypatch.setattr(Job, "__enter__", lambda self: jobs.append(self) or enter(self))

        def pause(running, epoch):
            searches.pause_search(running.search)
            jobs[-1].check()

        evaluator.before = pause
        train.train_child(*arguments)
        trial.refresh_from_db()
        assert (trial.state, trial.attempt) == (State.QUEUED, arguments[1])
        evaluator.before = lambda trial, epoch: None
        queue.deliver()
        assert not Trial.objects.filter(state__in=(State.RUNNING, State.FINISHED)).exists(), "nothing new starts"
        searches.resume_search(trial.search)
        queue.deliver()
        assert (
            Trial.objects.filter(state=State.FINISHED).count() + Trial.objects.filter(state=State.REUSED).count() == 6
        )

    def test_a_result_that_comes_during_a_pause_counts_and_is_told_later(self, queued, queue):
        trial, _ = queued
        claimed = claim(trial)
        searches.pause_search(trial.search)
        assert finish(claimed)
        queue.deliver()
        trial.refresh_from_db()
        assert trial.told_as is None
        searches.resume_search(trial.search)
        queue.deliver()
        trial.refresh_from_db()
        assert trial.told_as is not None

    def test_a_stop_ends_everything_at_once(self, queued, queue):
        trial, arguments = queued
        claimed = claim(trial)
        searches.stop_search(trial.search)
        job = Job(claimed, "", claimed, claimed.search_id)
        job.check()
        assert job.cancelled()
        assert not recording.put_back(claimed, "stopped") and not finish(claimed)
        found = Search.objects.get(pk=trial.search_id)
        assert (found.state, found.reason) == ("stopped", "Stopped by hand after 0 trials.")
        assert set(found.trials.values_list("state", flat=True)) == {"stopped"}
        queue.deliver()
        assert found.trials.count() == 2


def test_a_failed_trial_tried_again_counts_without_being_told_twice(start, queue, evaluator):
    def fail_first(trial, epoch):
        if trial.number == 1 and trial.attempt == 0:
            raise RuntimeError("the GPU fell off the bus")

    evaluator.before = fail_first
    found = start()
    queue.deliver()
    first = found.trials.get(number=1)
    assert first.state == State.FAILED
    searches.retry_trial(first)
    queue.deliver()
    found.refresh_from_db()
    again = found.trials.get(number=1)
    assert (again.state, again.attempt, again.error) == (State.FINISHED, 3, "")
    assert (again.told_as, found.told, found.state) == (first.told_as, 6, "finished")


def test_a_search_deleted_during_training_leaves_nothing_to_store(queued, evaluator, caplog):
    trial, arguments = queued
    evaluator.before = lambda trial, epoch: Search.objects.all().delete()
    with caplog.at_level("INFO"):
        train.train_child(*arguments)
    assert "Nothing is stored: search" in caplog.text and "Traceback" not in caplog.text
