"""Searches of a table: the whole way from the service to the stored trials, without a train worker."""

import pytest

from nas_engine.errors import ConfigError
from nas_engine.search_config import read_search
from tasks import live, lookups
from tasks import search as searching
from tests.nas_engine.tables import write_101, write_201
from webapp.models import Search, Trial
from webapp.services.owner import local_owner
from webapp.services.searches import create_search, pause_search, resume_search, retry_trial

EVOLUTION = {"strategy": "regularized_evolution", "strategy_config": {"population": 10, "sample": 3}}


@pytest.fixture
def table(tmp_path):
    return write_201(tmp_path / "t.npz")


@pytest.fixture
def begin(transactional_db, queue, stop):
    """begin(path, **changes) -> a stored search of the table."""
    live.forget()

    def begin(path, seconds=0.0, trials=60, parallelism=1, **changes):
        config = {
            "evaluator": "tabular",
            "evaluator_config": {"path": str(path), "seconds": seconds},
            "budget": {"trials": trials, "parallelism": parallelism},
        }
        return create_search(read_search(config | EVOLUTION | changes), local_owner())

    yield begin
    live.forget()


def proposals(search: Search) -> list[tuple[int, list[int], float]]:
    return list(search.trials.order_by("number").values_list("number", "choices", "reward"))


def test_a_search_of_a_table_needs_no_train_worker_and_no_data_set(begin, queue, table):
    search = begin(table)
    assert search.dataset is None and search.name == "NAS-Bench-201, regularized_evolution"
    queue.deliver()
    search.refresh_from_db()
    assert search.state == "finished" and search.reason.startswith("Its trials are done: 60 trials. Best: trial")
    assert search.trials.filter(state__in=Trial.MEASURED, told_as__isnull=False).count() == 60 == search.told
    assert not search.trials.filter(state__in=Trial.OPEN).exists()
    assert search.protocol_summary == "NAS-Bench-201 table, cifar10_val_e12"


def test_it_ends_before_its_simulated_seconds_are_exceeded(begin, queue, table):
    search = begin(table, seconds=3000.0, trials=10_000)
    queue.deliver()
    search.refresh_from_db()
    spent = sum(search.trials.values_list("seconds", flat=True))
    assert search.state == "finished" and "3,000 s of simulated training" in search.reason
    assert 2900 < spent <= 3000


def test_an_interrupted_search_proposes_what_an_uninterrupted_one_does(begin, queue, table, monkeypatch):
    whole = begin(table, parallelism=4, strategy="reinforce", strategy_config={"batch": 5, "hidden": 16, "layers": 1})
    queue.deliver()
    monkeypatch.setattr(lookups, "BATCH", 7)
    monkeypatch.setattr(lookups, "TURN", 0.0)
    broken = begin(table, parallelism=4, strategy="reinforce", strategy_config={"batch": 5, "hidden": 16, "layers": 1})
    while queue.messages:
        queue.deliver_next()
        live.forget()
        broken.refresh_from_db()
        if broken.state == "running" and broken.told == 16:
            pause_search(broken)
            queue.deliver()
            assert broken.trials.count() == 16
            resume_search(broken)
    assert proposals(broken) == proposals(whole) and len(proposals(whole)) == 60
    assert broken.updates.count() == whole.updates.count() == 12


def test_a_cell_looked_up_again_counts_as_known_and_costs_again(begin, queue, table):
    first, second = begin(table), begin(table)
    queue.deliver()
    keys = list(first.trials.values_list("cell_id", flat=True))
    assert first.trials.filter(state="finished").count() == len(set(keys))
    assert set(second.trials.values_list("state", flat=True)) == {"reused"}
    assert all(trial.same_as.cell_id == trial.cell_id for trial in second.trials.select_related("same_as"))
    assert min(second.trials.values_list("seconds", flat=True)) > 0


def test_what_the_table_does_not_hold_fails_and_is_told(begin, queue, tmp_path):
    search = begin(write_201(tmp_path / "gaps.npz", gaps=True))
    queue.deliver()
    search.refresh_from_db()
    failed = search.trials.filter(state="failed")
    assert search.state == "finished" and 5 < failed.count() < 40
    assert "was not measured" in failed[0].error
    with pytest.raises(ConfigError, match="no result for this architecture"):
        retry_trial(failed[0])


def test_a_table_with_gaps_is_searched_too(begin, queue, tmp_path):
    search = begin(write_101(tmp_path / "101.npz"), strategy="ppo", strategy_config={"hidden": 16})
    queue.deliver()
    search.refresh_from_db()
    assert search.state == "finished" and search.trials.filter(state__in=Trial.MEASURED).count() == 60


def test_a_table_that_is_gone_fails_the_search_with_its_name_and_resuming_goes_on(begin, queue, table, monkeypatch):
    monkeypatch.setattr(lookups, "BATCH", 20)
    monkeypatch.setattr(lookups, "TURN", 0.0)
    search = begin(table)
    queue.deliver_next()
    kept = table.read_bytes()
    table.unlink()
    queue.deliver()
    search.refresh_from_db()
    assert search.state == "failed" and "t.npz cannot be read" in search.reason and search.trials.count() == 20
    table.write_bytes(kept)
    resume_search(search)
    queue.deliver()
    search.refresh_from_db()
    assert search.state == "finished" and search.trials.count() == 60


def test_other_searches_have_their_turn(begin, queue, table, monkeypatch):
    monkeypatch.setattr(lookups, "BATCH", 20)
    monkeypatch.setattr(lookups, "TURN", 0.0)
    begin(table), begin(table)
    order = []
    advance = searching.advance_search
    while queue.messages:
        order.append(queue.messages[0][1])
        advance(queue.messages.popleft()[1])
    assert len(set(order[:2])) == 2 and len(order) >= 6
