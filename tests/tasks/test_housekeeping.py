"""The sweeper puts right what crashes and lost messages leave behind."""

from datetime import timedelta

import pytest

from tasks import clock, housekeeping, messages, recording, search, workers
from webapp.models import Search, Trial, Worker
from webapp.services import searches

State = Trial.State
CPU = {"kind": "cpu", "name": "Test CPU", "threads": 1}


@pytest.fixture
def running(start, queue):
    """A search with one trial in training and one queued: (search, running trial)."""
    found = start()
    search.advance_search(found.pk)
    first = found.trials.get(number=1)
    claimed = recording.claim(first.pk, first.attempt, "train-0@elm", CPU)
    queue.messages.clear()
    return found, claimed


def silent(**row) -> None:
    long_ago = clock.now() - timedelta(seconds=workers.STALE + 1)
    for model, pk in row.values():
        model.objects.filter(pk=pk).update(heartbeat=long_ago)


def test_a_trial_without_heartbeat_is_trained_again(running, queue):
    found, trial = running
    housekeeping.sweep()
    trial.refresh_from_db()
    assert trial.state == State.RUNNING, "its heart still beats"
    silent(trial=(Trial, trial.pk))
    housekeeping.sweep()
    trial.refresh_from_db()
    assert (trial.state, trial.attempt) == (State.QUEUED, 1)
    assert (trial.pk, 1) in queue.take("train_child")
    assert found.log.first().text == "trial 1 lost its worker, train-0@elm; it is trained again"
    queue.deliver()


def test_two_sweepers_count_a_loss_once(running):
    _, trial = running
    silent(trial=(Trial, trial.pk))
    seen_by_both = Trial.objects.get(pk=trial.pk)
    assert recording.requeue_lost(seen_by_both)
    assert not recording.requeue_lost(seen_by_both)
    trial.refresh_from_db()
    assert trial.attempt == 1


def test_lost_messages_are_sent_again(running, queue):
    found, _ = running
    second = found.trials.get(number=2)
    housekeeping.sweep()
    assert not queue.messages, "it was sent only just now"
    Trial.objects.filter(pk=second.pk).update(sent=clock.now() - timedelta(seconds=60))
    housekeeping.sweep()
    housekeeping.sweep()
    assert queue.take("train_child") == [(second.pk, 0)]


def test_nothing_is_sent_again_while_its_message_waits(running, queue, monkeypatch):
    found, _ = running
    Trial.objects.filter(number=2).update(sent=clock.now() - timedelta(hours=1))
    monkeypatch.setattr(messages, "queue_lengths", lambda: {"search": 0, "train": 1})
    housekeeping.sweep()
    assert not queue.take("train_child")


def test_a_search_whose_message_was_lost_is_begun(start, queue):
    found = start()
    queue.messages.clear()
    housekeeping.sweep()
    queue.deliver()
    found.refresh_from_db()
    assert found.state == "finished"


def test_everything_sent_while_redis_is_away_is_made_up_for(start, queue):
    queue.up = False
    found = start()
    search.advance_search(found.pk)
    assert found.trials.count() == 2 and not queue.messages
    housekeeping.sweep()
    queue.up = True
    while Search.objects.get(pk=found.pk).state != "finished":
        found.trials.update(sent=None)
        housekeeping.sweep()
        assert queue.messages, "the sweeper found nothing to send"
        queue.deliver()
    assert found.trials.filter(state__in=Trial.MEASURED).count() == 6


def test_a_paused_search_is_left_alone(running, queue):
    found, trial = running
    searches.pause_search(found)
    silent(trial=(Trial, trial.pk))
    Trial.objects.update(sent=None)
    queue.messages.clear()
    housekeeping.sweep()
    trial.refresh_from_db()
    assert (trial.state, trial.attempt) == (State.QUEUED, 1)
    assert not queue.take("train_child")


def test_time_used_is_counted_but_not_while_everything_was_down(running):
    found, _ = running
    Search.objects.filter(pk=found.pk).update(resumed=clock.now() - timedelta(seconds=30))
    housekeeping.count_time()
    found.refresh_from_db()
    assert 30 <= found.active_seconds < 40
    Search.objects.filter(pk=found.pk).update(resumed=clock.now() - timedelta(hours=8))
    housekeeping.count_time()
    found.refresh_from_db()
    assert 30 <= found.active_seconds < 40
    assert clock.now() - found.resumed < timedelta(seconds=10)


def test_workers_long_silent_are_forgotten(db, queue):
    now = clock.now()
    for name, heartbeat in (("alive", now), ("gone", now - timedelta(hours=1))):
        Worker.objects.create(name=name, host="elm", queue="train", pid=1, started=now, heartbeat=heartbeat)
    housekeeping.sweep()
    assert list(Worker.objects.values_list("name", flat=True)) == ["alive"]


def test_a_part_that_fails_does_not_keep_the_others_from_their_work(running, queue, monkeypatch):
    _, trial = running
    silent(trial=(Trial, trial.pk))

    def broken():
        raise ValueError("broken")

    broken.__name__ = "count_time"
    monkeypatch.setattr(housekeeping, "count_time", broken)
    housekeeping.sweep()
    trial.refresh_from_db()
    assert trial.attempt == 1


class TestWorkers:
    @pytest.fixture(autouse=True)
    def _named(self, monkeypatch):
        monkeypatch.setattr(workers, "_name", workers._name)
        monkeypatch.setattr(workers, "_about", {})
        monkeypatch.setattr(workers, "repeat", lambda *_, **__: None)

    def test_a_restarted_worker_frees_what_its_killed_predecessor_held(self, running, queue):
        found, trial = running
        name = f"train-0@{workers._HOST}"
        Trial.objects.filter(pk=trial.pk).update(worker=name)
        Search.objects.filter(pk=found.pk).update(
            lease_owner=f"{name}/1", lease_until=clock.now() + timedelta(seconds=30)
        )
        dead = _dead_pid()
        now = clock.now()
        Worker.objects.create(name=name, host=workers._HOST, queue="train", pid=dead, started=now, heartbeat=now)
        workers.start("train", "0", CPU)
        trial.refresh_from_db()
        found.refresh_from_db()
        assert (trial.state, trial.attempt, found.lease_owner) == (State.QUEUED, 1, "")
        assert workers.device()["name"] == "Test CPU"

    def test_a_worker_that_was_forgotten_reports_itself_again(self, running, queue):
        workers.start("train", "0", CPU)
        Worker.objects.all().delete()
        workers.Heart().beat()
        assert Worker.objects.get().device == CPU

    def test_a_job_shows_on_the_worker_and_goes_with_it(self, running):
        _, trial = running
        workers.start("train", "0", CPU)
        row = Worker.objects.get(name=workers.name())
        with workers.Job(trial, "trial 1 of Tiny", trial, trial.search_id):
            row.refresh_from_db()
            assert (row.trial_id, row.doing) == (trial.pk, "trial 1 of Tiny")
        row.refresh_from_db()
        assert (row.trial_id, row.doing) == (None, "")

    def test_the_heart_beats_for_the_job_and_notices_when_it_is_taken_away(self, running):
        _, trial = running
        workers.start("train", "0", CPU)
        silent(trial=(Trial, trial.pk))
        with workers.Job(trial, "", trial, trial.search_id) as job:
            heart = workers.Heart()
            heart.beat()
            assert not job.cancelled()
            trial.refresh_from_db()
            assert clock.now() - trial.heartbeat < timedelta(seconds=10)
            recording.requeue_lost(trial)
            heart.beat()
            assert job.cancelled()


def _dead_pid() -> int:
    import subprocess
    import sys

    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid
