"""Successive halving in a search: who is not among the best at a rung ends there, once and for all attempts."""

from types import SimpleNamespace

import pytest

from nas_engine.errors import ConfigError, SearchCancelled
from nas_engine.search_config import read_search
from nas_engine.trial import Evaluation
from tasks import live, recording, train
from tasks.pruning import at_rung
from webapp.models import RungResult, Search, Trial

EPOCHS = 9
State = Trial.State
ASHA = {"early_stopping": "asha", "minimum_epochs": 1, "reduction_factor": 3}


class Children:
    """Curves that rise to what ``finals`` says of a trial's number; ``before`` is called at each epoch and may raise."""

    def __init__(self):
        self.finals = lambda number: 0.3 if number % 3 == 0 else 0.8 + number / 1000
        self.before = lambda trial, epoch: None
        self.epochs = []

    def evaluate(self, trial, config, report, cancelled):
        final, curve = self.finals(trial.number), []
        for epoch in range(1, config.training.epochs + 1):
            self.before(trial, epoch)
            if cancelled():
                raise SearchCancelled
            numbers = {"epoch": epoch, "train_loss": 1.0, "train_accuracy": final, "seconds": 0.1}
            numbers |= {"valid_accuracy": final * (1 - 0.5**epoch), "images_per_second": 10.0, "valid_seconds": 0.02}
            curve.append(numbers)
            self.epochs.append((trial.number, epoch))
            report(SimpleNamespace(**numbers, epochs=config.training.epochs))
        measured = Evaluation(curve[-1]["valid_accuracy"], 10, 10, None, 1.0, trial.protocol)
        return SimpleNamespace(evaluation=measured, curve=curve, weights={}, timings={"train": 0.6}, latency={})


@pytest.fixture
def children(monkeypatch) -> Children:
    made = Children()
    monkeypatch.setattr(train, "evaluate", made.evaluate)
    return made


@pytest.fixture
def begin(start, children):
    def begin(**changes) -> Search:
        plain = {
            "evaluator_config": ASHA,
            "training": {"epochs": EPOCHS},
            "budget": {"trials": 9, "parallelism": 1},
            "space_config": {"blocks": 4},
        }
        return start(**plain | changes)

    return begin


def _rungs(trial: Trial) -> list[tuple]:
    return list(trial.rungs.order_by("epoch").values_list("epoch", "rank", "of", "places", "goes_on"))


EVOLUTION = {"strategy": "regularized_evolution", "strategy_config": {"population": 3, "sample": 2}}


@pytest.mark.parametrize("strategy", [{}, EVOLUTION, {"strategy": "local_search"}])
def test_a_poor_child_stops_at_the_first_rung_and_says_why(begin, queue, children, strategy):
    search = begin(**strategy)
    queue.deliver()
    search.refresh_from_db()
    assert search.state == "finished" and search.trials.filter(state__in=Trial.COUNTED).count() == 9
    poor = search.trials.get(number=3)
    assert (poor.state, poor.epoch, poor.epochs, poor.valid_accuracy) == (State.PRUNED, 1, EPOCHS, None)
    assert poor.error == (
        "at the rung after epoch 1: 15.00\u00a0%, 3rd of the 3 that had got there, of which the best went on, "
        "from 40.10\u00a0% up"
    )
    assert search.log.filter(text=f"trial 3 stopped early {poor.error}").exists()
    assert _rungs(poor) == [(1, 3, 3, 1, False)] and (3, 2) not in children.epochs
    # Each of these was the best so far wherever it came.
    assert _rungs(search.trials.get(number=2)) == [(1, 1, 2, 1, True), (3, 1, 2, 1, True)]
    assert search.trials.get(number=2).state == State.FINISHED


def test_the_strategy_is_told_the_gain_from_the_rung_and_a_restored_one_the_same(begin, queue):
    search = begin(**EVOLUTION)
    queue.deliver()
    search.refresh_from_db()
    poor = search.trials.get(number=3)
    gains = [(0.8 + number / 1000) * (0.5 - 0.5**EPOCHS) for number in (1, 2)]
    assert poor.reward == poor.info["expected"] == pytest.approx(0.15 + sum(gains) / 2)
    assert poor.reward == poor.rungs.get().expected
    config = read_search(search.config)
    space = config.build_space()
    kept = live.packed(live.strategy_of(search, config, space))
    live.forget()
    Search.objects.filter(pk=search.pk).update(strategy_state=None, strategy_state_told=0)
    search.refresh_from_db()
    assert live.packed(live.restored(search, config, space)) == kept


def test_before_any_child_is_whole_the_accuracy_at_the_rung_is_told(begin, queue, children):
    search = begin(budget={"trials": 2, "parallelism": 2})
    queue.deliver_next()
    children.finals = lambda number: 0.9 if number == 1 else 0.3
    first, second = queue.take("train_child")
    children.before = lambda trial, epoch: train.train_child(*second) if (trial.number, epoch) == (1, 2) else None
    train.train_child(*first)
    low = search.trials.get(number=2)
    assert low.state == State.PRUNED and low.reward == low.rungs.get().accuracy == 0.15


def test_a_lost_worker_changes_no_decision(begin, queue, children):
    """Trial 1 goes on as the first at its rung; its worker is lost, better ones come, and it meets the same decision."""

    class Killed(BaseException):
        pass

    def kill(trial, epoch):
        if (trial.number, trial.attempt, epoch) == (1, 0, 2):
            raise Killed

    children.before = kill
    search = begin(budget={"trials": 3, "parallelism": 3})
    queue.deliver_next()
    children.finals = lambda number: 0.4 if number == 1 else 0.9
    with pytest.raises(Killed):
        train.train_child(*queue.take("train_child")[0])
    first = search.trials.get(number=1)
    for other in search.trials.filter(number__in=(2, 3)):
        train.train_child(other.pk, other.attempt)
    assert recording.requeue_lost(first)
    queue.deliver()
    first.refresh_from_db()
    # It passed rung 1 before; at rung 3 the others had been.
    assert _rungs(first) == [(1, 1, 1, 1, True), (3, 3, 3, 1, False)]
    assert (first.state, first.epoch, first.attempt) == (State.PRUNED, 3, 1)


def test_a_worker_that_comes_back_from_the_dead_decides_nothing(begin, queue, children):
    search = begin(budget={"trials": 1, "parallelism": 1})
    queue.deliver_next()
    row = search.trials.get()
    stale = recording.claim(row.pk, row.attempt, "gone@there", {})
    assert recording.requeue_lost(stale)
    assert at_rung(stale, 1, 0.99, 3, EPOCHS) is None and not RungResult.objects.exists()
    search.delete()
    with pytest.raises(recording.SearchGone):
        at_rung(stale, 1, 0.99, 3, EPOCHS)


def test_a_pause_at_the_rung_puts_the_child_back_and_it_ends_there_after_all(begin, queue, children, monkeypatch):
    """The worker dies between the decision and the storing of the end."""
    search = begin(budget={"trials": 3, "parallelism": 1})
    stored = recording.prune

    def die(*arguments):
        raise SearchCancelled

    monkeypatch.setattr(recording, "prune", die)
    for _ in range(20):
        if search.trials.filter(number=3, rungs__isnull=False).exists():
            break
        queue.deliver_next()
    third = search.trials.get(number=3)
    assert third.state == State.QUEUED and _rungs(third) == [(1, 3, 3, 1, False)]
    monkeypatch.setattr(recording, "prune", stored)
    queue.deliver()
    third.refresh_from_db()
    assert third.state == State.PRUNED and third.rungs.count() == 1


def test_the_same_cell_is_not_trained_again_and_stands_at_no_rung(begin, queue, start):
    search = begin(
        space_config={"blocks": 1, "operations": ["identity", "max_pool_3x3"]}, budget={"trials": 40, "parallelism": 2}
    )
    queue.deliver()
    again = search.trials.filter(state=State.PRUNED, same_as__isnull=False)
    assert again.exists()
    for trial in again:
        assert not trial.rungs.exists() and trial.reward == trial.same_as.reward and trial.error == trial.same_as.error


@pytest.mark.parametrize(
    ("settings", "blamed"),
    [
        ({"minimum_epochs": 9}, "minimum_epochs"),
        ({"minimum_epochs": 1, "early_stopping_rate": 2}, "early_stopping_rate"),
        ({"reduction_factor": 1}, "reduction_factor"),
    ],
)
def test_a_first_rung_must_come_before_the_end(settings, blamed):
    with pytest.raises(ConfigError) as caught:
        read_search({"training": {"epochs": EPOCHS}, "evaluator_config": ASHA | settings})
    assert list(caught.value.problems) == [f"evaluator_config.{blamed}"]
    other = {"early_stopping": "median"} | {k: v for k, v in settings.items() if k != "reduction_factor"}
    read_search({"training": {"epochs": EPOCHS}, "evaluator_config": other})
