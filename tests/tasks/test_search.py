"""Coordinating searches: from the first proposal to the end, exactly resumed, at most one coordinator."""

from datetime import timedelta

import pytest

from nas_engine.errors import EvaluationFailed
from nas_engine.strategies.random_search import RandomSearch
from tasks import clock, live, proposals, search
from tasks.lease import lease
from webapp.models import CellRecord, PolicyUpdate, Search, Trial
from webapp.services import searches

State = Trial.State


def numbers(found: Search) -> list:
    return list(found.trials.order_by("number").values_list("number", "choices"))


def test_a_search_runs_to_its_end(start, queue):
    found = start()
    queue.deliver()
    found.refresh_from_db()
    assert (found.state, found.told, found.trials.count()) == ("finished", 6, 6)
    assert sorted(found.trials.values_list("told_as", flat=True)) == [1, 2, 3, 4, 5, 6]
    best = found.trials.order_by("-reward").first()
    assert found.reason.startswith("Its trials are done: 6 of 6. Best: trial ")
    assert f"{100 * best.valid_accuracy:.2f}" in found.reason
    assert found.ended and found.started and found.resumed is None


def test_no_more_are_under_way_than_the_parallelism_allows(start, queue):
    found = start(budget={"parallelism": 3})
    search.advance_search(found.pk)
    assert found.trials.filter(state=State.QUEUED).count() == 3
    search.advance_search(found.pk)
    assert found.trials.count() == 3


def test_proposals_do_not_depend_on_interruptions(start, queue):
    whole, broken = start(seed=5), start(seed=5, training={"seed": 1})
    queue.deliver()
    search.advance_search(broken.pk)
    assert numbers(whole) == numbers(broken)
    assert not set(whole.trials.values_list("protocol")) & set(broken.trials.values_list("protocol"))


def test_a_restarted_coordinator_replays_to_where_the_search_stood(start, queue, monkeypatch):
    told = []
    monkeypatch.setattr(RandomSearch, "tell", lambda self, trial: told.append((trial.number, trial.reward)))
    found = start()
    queue.deliver()
    first = list(told)
    told.clear()
    live.forget()
    found.refresh_from_db()
    config = search.read_search(found.config)
    live.restored(found, config, config.build_space())
    assert told == first and len(first) == 6


def test_a_checkpoint_is_stored_when_the_strategy_learned(start, queue):
    found = start(strategy="ppo", strategy_config={"batch": 4, "hidden": 8, "inner_epochs": 1}, budget={"trials": 10})
    queue.deliver()
    found.refresh_from_db()
    assert found.state == "finished"
    assert found.strategy_state_told >= 8
    assert PolicyUpdate.objects.filter(search=found).count() == 2
    assert found.log.filter(text__startswith="controller update 2: entropy ").exists()


def test_a_resumed_controller_proposes_what_an_uninterrupted_one_would(start, queue):
    learner = {"strategy": "ppo", "strategy_config": {"batch": 4, "hidden": 8, "inner_epochs": 1}}
    whole = start(**learner, budget={"trials": 14, "parallelism": 1})
    queue.deliver()
    broken = start(**learner, budget={"trials": 14, "parallelism": 1}, training={"seed": 1})
    while queue.messages:
        live.forget()
        queue.deliver_next()
    assert numbers(whole) == numbers(broken)


def test_a_failed_child_is_told_and_the_search_goes_on(start, queue, evaluator):
    def fail_second(trial, epoch):
        if trial.number == 2:
            raise EvaluationFailed("loss became NaN at epoch 1", "Lower the learning rate")

    evaluator.before = fail_second
    found = start()
    queue.deliver()
    found.refresh_from_db()
    failed = found.trials.get(number=2)
    assert (failed.state, failed.error, failed.advice) == (
        "failed",
        "loss became NaN at epoch 1",
        "Lower the learning rate",
    )
    assert (found.state, found.told) == ("finished", 6)
    assert found.strategy_state_told >= failed.told_as, "a failure is never replayed from its row"


def test_a_search_in_which_everything_fails_ends_early_with_the_reason(start, queue, evaluator):
    def fail(trial, epoch):
        raise EvaluationFailed("out of memory", "Take fewer filters.")

    evaluator.before = fail
    found = start(budget={"trials": 24})
    queue.deliver()
    found.refresh_from_db()
    assert found.state == "failed" and found.trials.count() < 20
    assert "the last because: out of memory. Take fewer filters." in found.reason
    evaluator.before = lambda trial, epoch: None
    searches.resume_search(found)
    queue.deliver()
    found.refresh_from_db()
    assert (found.state, found.trials.filter(state=State.FAILED).count(), found.told) == ("finished", 0, 24)


def test_a_strategy_that_breaks_down_fails_the_search_with_the_reason(start, queue, monkeypatch):
    def broken(self, number):
        raise ZeroDivisionError("division by zero")

    found = start()
    monkeypatch.setattr(RandomSearch, "ask", broken)
    queue.deliver()
    found.refresh_from_db()
    assert found.state == "failed"
    assert found.reason.startswith("The strategy broke down: ZeroDivisionError: division by zero.")
    assert found.lease_owner == ""


def test_a_search_ends_when_its_time_is_over(start, queue):
    found = start(budget={"trials": 100, "hours": 1.0, "parallelism": 4})
    search.advance_search(found.pk)
    Search.objects.filter(pk=found.pk).update(active_seconds=3600)
    queue.deliver()
    found.refresh_from_db()
    assert found.state == "finished" and found.trials.count() == 4
    assert found.reason.startswith("Its 1 h are over: ")
    assert not found.trials.filter(state__in=Trial.OPEN).exists()


def test_time_in_a_pause_does_not_count(start, queue):
    found = start(budget={"hours": 1.0})
    search.advance_search(found.pk)
    Search.objects.filter(pk=found.pk).update(resumed=clock.now() - timedelta(minutes=10))
    searches.pause_search(found)
    found.refresh_from_db()
    assert 599 < found.active_seconds < 660 and found.resumed is None
    config = search.read_search(found.config)
    assert not proposals.out_of_time(found, config.budget)
    Search.objects.filter(pk=found.pk).update(active_seconds=3599.9)
    found.refresh_from_db()
    assert not proposals.out_of_time(found, config.budget)


def test_only_one_coordinator_at_a_time(start, queue):
    found = start()
    with lease(found.pk, "search-0@elm") as token:
        assert token.startswith("search-0@elm/")
        search.advance_search(found.pk)
        assert found.trials.count() == 0
    search.advance_search(found.pk)
    assert found.trials.count() == 2


def test_the_lease_of_a_dead_coordinator_runs_out(start, queue):
    found = start()
    Search.objects.filter(pk=found.pk).update(lease_owner="dead/1", lease_until=clock.now() - timedelta(seconds=1))
    search.advance_search(found.pk)
    assert found.trials.count() == 2


def test_a_coordinator_that_lost_its_lease_stores_nothing(start, queue, monkeypatch):
    found = start()
    ask = RandomSearch.ask

    def ask_while_another_takes_over(self, number):
        Search.objects.filter(pk=found.pk).update(lease_owner="other/1")
        return ask(self, number)

    monkeypatch.setattr(RandomSearch, "ask", ask_while_another_takes_over)
    search.advance_search(found.pk)
    found.refresh_from_db()
    assert found.trials.count() == 0 and not queue.take("train_child")
    assert found.lease_owner == "other/1", "another's lease is not released"


def test_a_trial_that_ends_while_the_lease_is_held_is_told_by_its_holder(start, queue, monkeypatch):
    found = start()
    search.advance_search(found.pk)
    (first, second) = queue.take("train_child")
    ask = RandomSearch.ask
    from tasks.train import train_child

    train_child(*first)
    calls = []

    def ask_meanwhile(self, number):
        if not calls:
            calls.append(number)
            train_child(*second)  # its message finds the lease taken and gives up
            search.advance_search(found.pk)
        return ask(self, number)

    monkeypatch.setattr(RandomSearch, "ask", ask_meanwhile)
    search.advance_search(found.pk)
    assert found.trials.filter(told_as=None, state=State.FINISHED).count() == 0


@pytest.mark.parametrize("state", ["paused", "stopped", "finished", "failed"])
def test_a_search_not_under_way_is_left_alone(start, queue, state):
    found = start()
    Search.objects.filter(pk=found.pk).update(state=state)
    search.advance_search(found.pk)
    found.refresh_from_db()
    assert (found.state, found.trials.count()) == (state, 0)


def test_every_visible_change_raises_the_version(start, queue):
    found = start()
    versions = []
    while queue.messages:
        name, *arguments = queue.messages[0]
        queue.deliver_next()
        found.refresh_from_db()
        versions.append((name, found.version))
    trained = [version for name, version in versions if name == "train_child"]
    assert trained == sorted(set(trained)) and len(trained) == 6


def test_cells_are_stored_once(start, queue):
    start(), start(training={"seed": 1})
    queue.deliver()
    assert CellRecord.objects.count() < Trial.objects.count()
