"""Which weights are kept, and how others come back on demand."""

import pytest

from nas_engine.errors import ConfigError
from tasks import requests, retention, train
from webapp.models import Trial, Weights, WeightsRequest
from webapp.services import searches
from webapp.services.weights import open_weights, pending_request, request_weights, stored_weights

State = Trial.State


@pytest.fixture
def finished(start, queue):
    found = start()
    queue.deliver()
    return found


def ranked(found) -> list[Trial]:
    return list(found.trials.filter(state=State.FINISHED).order_by("-reward", "pk"))


def test_the_best_weights_of_a_search_are_kept(finished):
    best = ranked(finished)
    assert {row.trial for row in Weights.objects.all()} == set(best[:2])
    assert open_weights(best[0]) == f"weights of {best[0].pk}".encode()
    with pytest.raises(ConfigError, match="were not kept"):
        open_weights(best[2])


def test_none_are_kept_where_none_are_wanted(start, queue):
    start(budget={"keep_weights": 0})
    queue.deliver()
    assert not Weights.objects.exists()


def test_large_weights_are_kept_in_chunks_and_checked(finished):
    trial = ranked(finished)[0]
    data = bytes(range(256)) * 10_000
    row = retention.store(trial, data)
    assert row.size == len(data) and row.chunks.count() == 3
    assert open_weights(trial) == data
    row.chunks.filter(index=1).update(data=b"x" * retention.CHUNK)
    with pytest.raises(ValueError, match="damaged"):
        open_weights(trial)


def test_weights_asked_for_are_trained_again_and_change_nothing_else(finished, queue, evaluator):
    trial = ranked(finished)[3]
    before = Trial.objects.filter(pk=trial.pk).values().get()
    trained = len(evaluator.trained)
    request = request_weights(trial)
    assert request_weights(trial).pk == request.pk, "a second wish is not a second training"
    queue.deliver()
    assert len(evaluator.trained) == trained + 1
    assert Trial.objects.filter(pk=trial.pk).values().get() == before
    assert open_weights(trial) == f"weights of {trial.pk}".encode()
    assert pending_request(trial) is None and request_weights(trial) is None
    assert finished.log.first().text == f"trial {trial.number}: weights trained again and kept"


def test_weights_that_differ_say_so(finished, queue):
    trial = ranked(finished)[3]
    Trial.objects.filter(pk=trial.pk).update(valid_accuracy=0.99)
    request_weights(trial)
    queue.deliver()
    line = finished.log.first()
    assert line.level == "bad" and "the trial had 99.00\u00a0%" in line.text


def test_weights_asked_for_stay_when_better_trials_come(start, queue, evaluator):
    found = start(budget={"trials": 3, "parallelism": 1, "keep_weights": 1})
    queue.deliver()
    worst = ranked(found)[-1]
    request_weights(worst)
    queue.deliver()
    better = ranked(found)[1]
    Weights.objects.filter(trial=better).delete()
    Trial.objects.filter(pk=better.pk).update(state=State.FAILED, reward=None, valid_accuracy=None)
    searches.retry_trial(better)
    queue.deliver()
    assert stored_weights(worst) is not None


def test_a_reused_result_hands_out_the_weights_of_the_trial_that_was_trained(finished, start, queue):
    copy = start()
    queue.deliver()
    trial = copy.trials.filter(state=State.REUSED, same_as=ranked(finished)[0]).first()
    assert open_weights(trial) == f"weights of {trial.same_as_id}".encode()
    other = copy.trials.filter(state=State.REUSED, same_as=ranked(finished)[3]).first()
    assert request_weights(other).trial_id == other.same_as_id


def test_only_measured_trials_have_weights(start):
    found = start()
    from tasks import search

    search.advance_search(found.pk)
    with pytest.raises(ConfigError, match="only a measured trial has weights"):
        request_weights(found.trials.first())


def test_weights_of_changed_images_cannot_be_had_again(finished):
    finished.dataset.fingerprint = "1" * 64
    finished.dataset.save()
    with pytest.raises(ConfigError, match="changed since trial"):
        request_weights(Trial.objects.get(pk=ranked(finished)[3].pk))


def test_a_request_that_fails_keeps_its_reason_and_can_be_made_again(finished, queue, monkeypatch):
    trial = ranked(finished)[3]

    def broken(*_):
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(train, "pack", broken)
        request_weights(trial)
        queue.deliver()
    request = pending_request(trial)
    assert request.state == "failed" and request.error.startswith("RuntimeError: the disk is full")
    assert request_weights(trial).attempt == 3
    queue.deliver()
    assert stored_weights(trial) and not WeightsRequest.objects.exists()


def test_a_request_of_a_lost_worker_is_taken_up_again(finished, queue):
    from datetime import timedelta

    from tasks import clock, housekeeping, weights

    trial = ranked(finished)[3]
    request = request_weights(trial)
    queue.messages.clear()
    claimed = requests.claim(WeightsRequest, request.pk, 0)
    assert requests.claim(WeightsRequest, request.pk, 0) is None
    WeightsRequest.objects.update(heartbeat=clock.now() - timedelta(minutes=5))
    housekeeping.sweep()
    weights.finish(claimed, 0.5, b"late")
    assert not stored_weights(trial), "the lost worker came back too late"
    queue.deliver()
    assert stored_weights(trial)


def test_a_worker_told_to_end_puts_a_request_back(finished, queue, evaluator, stop):
    trial = ranked(finished)[3]
    request_weights(trial)
    evaluator.before = lambda trial, epoch: stop.set()
    queue.deliver_next()
    assert pending_request(trial).state == "queued"
    stop.clear()
    evaluator.before = lambda trial, epoch: None
    queue.deliver()
    assert stored_weights(trial)
