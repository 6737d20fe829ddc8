"""The same cell under the same protocol is trained once."""

import pytest

from nas_engine.errors import EvaluationFailed
from nas_engine.evaluators.settings import StandaloneConfig
from tasks import housekeeping, recording, search
from webapp.models import Search, Trial
from webapp.services import searches

State = Trial.State
ONE_CELL = {"blocks": 1, "operations": ["identity"], "combinations": ["add"], "separate_reduction": False}


@pytest.fixture
def same(start):
    """Searches over a handful of cells, so that the same ones turn up."""
    return lambda **changes: start(space_config=ONE_CELL, **changes)


def claim(trial: Trial) -> Trial | None:
    return recording.claim(trial.pk, trial.attempt, "train-0@elm", {"kind": "cpu", "name": "Test CPU"})


def test_a_measured_cell_is_reused_at_once(same, queue, evaluator):
    found = same(budget={"trials": 20})
    queue.deliver()
    found.refresh_from_db()
    cells = found.trials.values("cell").distinct().count()
    assert found.state == "finished" and found.told == 20
    assert len(evaluator.trained) == cells < 20
    for trial in found.trials.filter(state=State.REUSED):
        assert trial.same_as.state == State.FINISHED and trial.same_as.cell_id == trial.cell_id
        assert trial.valid_accuracy == trial.same_as.valid_accuracy and trial.seconds == trial.same_as.seconds
        assert trial.reward == trial.same_as.reward
    assert found.log.filter(text__contains="is the same cell as trial").count() == 20 - cells


def test_another_search_reuses_it_under_the_same_protocol_only(same, queue, evaluator):
    same(budget={"trials": 20})
    queue.deliver()
    trained = len(evaluator.trained)
    second, other = same(budget={"trials": 20}), same(budget={"trials": 20}, training={"epochs": 3})
    queue.deliver()
    assert second.trials.filter(state=State.REUSED).count() == 20
    assert other.trials.filter(state=State.FINISHED).count() == trained == len(evaluator.trained) - trained


def test_the_reward_of_a_reused_result_is_the_new_searchs_own(same, queue):
    first = same(budget={"trials": 20})
    queue.deliver()
    second = same(budget={"trials": 5}, reward={"goal": "macs", "target": 1.0, "below": -1.0})
    queue.deliver()
    for trial in second.trials.all():
        assert trial.state == State.REUSED
        assert trial.reward == pytest.approx(trial.valid_accuracy * (20_000 / 1e6) ** -1.0)
    assert first.trials.filter(reward__gt=1).count() == 0
    best = max(second.trials.all(), key=lambda trial: (trial.reward, -trial.number))
    second.refresh_from_db()
    told = f"Highest reward: trial {best.number}, {best.reward:.4f} at {100 * best.valid_accuracy:.2f}"
    assert told in second.reason, "the most accurate trial is another matter"


@pytest.fixture
def waiting(same, queue):
    """Two searches; the second waits for the cell the first has in training: (running trial, waiting trial)."""
    first, second = same(budget={"trials": 1}), same(budget={"trials": 1})
    search.advance_search(first.pk)
    running = claim(first.trials.get())
    search.advance_search(second.pk)
    trial = second.trials.get()
    assert (trial.state, trial.same_as_id) == (State.WAITING, running.pk)
    queue.messages.clear()
    return running, trial


def finish(trial: Trial) -> None:
    from nas_engine.trial import Evaluation

    assert recording.finish(trial, Evaluation(0.6, 10, 20, None, 1.0, trial.protocol), 0.6, [], {}, b"weights")


def test_a_cell_in_training_is_waited_for(waiting, queue, evaluator):
    running, trial = waiting
    finish(running)
    queue.deliver()
    trial.refresh_from_db()
    assert (trial.state, trial.valid_accuracy) == (State.REUSED, 0.6)
    assert Search.objects.get(pk=trial.search_id).state == "finished" and evaluator.trained == []


def test_a_failure_is_not_reused_the_waiting_trial_is_trained_itself(waiting, queue, evaluator):
    running, trial = waiting
    recording.fail(running, "out of memory")
    queue.deliver()
    trial.refresh_from_db()
    assert (trial.state, trial.same_as) == (State.FINISHED, None)
    assert evaluator.trained == [(trial.search_id, 1)]


@pytest.mark.parametrize("halt", [searches.pause_search, searches.stop_search])
def test_a_halted_search_is_not_waited_for(waiting, queue, halt):
    running, trial = waiting
    halt(running.search)
    recording.put_back(running, "the search is halted")
    queue.deliver()
    trial.refresh_from_db()
    assert trial.state == State.FINISHED


def test_when_its_search_resumes_the_trial_takes_over_what_was_measured_meanwhile(waiting, queue, evaluator):
    running, trial = waiting
    searches.pause_search(running.search)
    recording.put_back(running, "the search is paused")
    queue.deliver()
    searches.resume_search(running.search)
    queue.deliver()
    running.refresh_from_db()
    assert (running.state, running.same_as) == (State.REUSED, trial)
    assert len(evaluator.trained) == 1


def test_one_of_several_waiting_trials_is_trained_for_all(same, queue, evaluator):
    found = same(budget={"trials": 1})
    others = [same(budget={"trials": 1}) for _ in range(3)]
    search.advance_search(found.pk)
    running = claim(found.trials.get())
    for other in others:
        search.advance_search(other.pk)
    queue.messages.clear()
    recording.fail(running, "out of memory")
    queue.deliver()
    states = sorted(Trial.objects.exclude(pk=running.pk).values_list("state", flat=True))
    assert states == ["finished", "reused", "reused"] and len(evaluator.trained) == 1


def test_a_lost_wake_up_call_is_made_good_by_the_sweeper(waiting, queue):
    running, trial = waiting
    finish(running)
    queue.messages.clear()
    housekeeping.sweep()
    queue.deliver()
    trial.refresh_from_db()
    assert trial.state == State.REUSED


def test_a_reward_that_needs_latency_does_not_reuse_a_result_without(same, queue, evaluator):
    same(budget={"trials": 1})
    queue.deliver()
    timed = same(budget={"trials": 1}, reward={"goal": "latency", "target": 1.0})
    queue.deliver()
    trial = timed.trials.get()
    assert len(evaluator.trained) == 2
    assert (trial.state, trial.error) == (State.FAILED, "No latency was measured")
    with pytest.raises(EvaluationFailed):
        search.read_search(timed.config).reward.of(search.live.evaluation_of(Trial.objects.first()))


def test_a_search_steered_by_latency_takes_over_only_what_was_obtained_alike(same, queue, evaluator):
    same(budget={"trials": 1})
    queue.deliver()
    Trial.objects.update(latency=0.002, latency_about={"way": StandaloneConfig().way()})
    goal = {"goal": "latency", "target": 1.0}
    alike = same(budget={"trials": 1}, reward=goal)
    queue.deliver()
    assert alike.trials.get().state == State.REUSED and alike.trials.get().latency == 0.002
    other = same(budget={"trials": 1}, reward=goal, evaluator_config={"latency_batch": 8})
    queue.deliver()
    assert len(evaluator.trained) == 2 and other.trials.get().same_as is None
    unsteered = same(budget={"trials": 1}, evaluator_config={"latency_batch": 8})
    queue.deliver()
    assert unsteered.trials.get().state == State.REUSED
