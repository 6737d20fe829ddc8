"""Hard constraints in a search: proposals that break them are told, counted and not trained."""

import pytest

from nas_engine.blueprint import build_blueprint
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import read_cells
from nas_engine.search_config import read_search
from nas_engine.trial import Evaluation
from tasks import ending, live, train
from tests.nas_engine.tables import write_201, write_macro
from webapp.models import Search, Trial
from webapp.services.owner import local_owner
from webapp.services.searches import create_search

INFEASIBLE = Trial.State.INFEASIBLE


def params_of(trial: Trial) -> int:
    config, data = read_search(trial.search.config), trial.search.dataset
    return build_blueprint(read_cells(trial.cell.cells), config.skeleton, data.image_shape, len(data.classes)).params


@pytest.fixture
def bound(start, queue):
    """A limit in millions that about a third of the cells of the tiny space keep."""
    free = start(budget={"trials": 12})
    queue.deliver()
    sizes = sorted(params_of(trial) for trial in free.trials.select_related("cell", "search__dataset"))
    return sizes[len(sizes) // 3] / 1e6


def test_only_what_keeps_the_limits_is_trained_and_counts(start, queue, evaluator, bound):
    evaluator.trained.clear()
    search = start(seed=5, limits={"max_params": bound})
    queue.deliver()
    search.refresh_from_db()
    broken = search.trials.filter(state=INFEASIBLE)
    assert search.state == "finished" and broken.count() >= 1
    assert search.trials.exclude(state=INFEASIBLE).count() == 6
    for trial in search.trials.select_related("cell", "search__dataset"):
        assert (params_of(trial) > bound * 1e6) == (trial.state == INFEASIBLE)
    row = broken.select_related("cell", "search__dataset").first()
    assert (
        row.params == params_of(row) and "more than" in row.error and row.valid_accuracy is None and row.reward is None
    )
    assert row.told_as is not None and (search.pk, row.number) not in evaluator.trained
    assert "breaking the limits" in " ".join(search.log.values_list("text", flat=True))


def test_a_restored_strategy_was_told_of_them_too(start, queue, bound):
    search = start(strategy="nsga2", strategy_config={"population": 4}, limits={"max_params": bound}, seed=3)
    queue.deliver()
    search.refresh_from_db()
    config = read_search(search.config)
    kept = live.packed(live.strategy_of(search, config, config.build_space()))
    live.forget()
    Search.objects.filter(pk=search.pk).update(strategy_state=None, strategy_state_told=0)
    search.refresh_from_db()
    assert live.packed(live.restored(search, config, config.build_space())) == kept
    assert search.trials.filter(state=INFEASIBLE).exists()


def test_a_latency_is_checked_after_training(start, queue, monkeypatch):
    measure = train.evaluate

    def slow(trial, *rest):
        outcome = measure(trial, *rest)
        outcome.evaluation = Evaluation(0.9, 10, 10, 0.010 if trial.number % 2 else 0.030, 1.0, trial.protocol)
        return outcome

    monkeypatch.setattr(train, "evaluate", slow)
    search = start(limits={"max_latency": 20})
    queue.deliver()
    search.refresh_from_db()
    broken = search.trials.filter(state=INFEASIBLE).first()
    assert (
        search.state == "finished"
        and search.trials.filter(state="finished").count() + search.trials.filter(state="reused").count() == 6
    )
    assert broken.error == "30 ms, more than 20 ms; it reached 90.00\u00a0%" and broken.latency == 0.030
    assert broken.valid_accuracy is None and broken.curve


def test_limits_that_nothing_keeps_end_the_search_with_a_reason(start, queue, monkeypatch):
    monkeypatch.setattr(ending, "BARREN", 30)
    search = start(limits={"max_params": 0.000001})
    queue.deliver()
    search.refresh_from_db()
    assert search.state == "failed" and "30 proposals in a row broke the limits" in search.reason
    assert search.trials.count() == search.trials.filter(state=INFEASIBLE).count() <= 40


def test_a_table_is_searched_within_limits(transactional_db, queue, stop, tmp_path):
    live.forget()
    config = {
        "evaluator": "tabular",
        "evaluator_config": {"path": str(write_201(tmp_path / "t.npz"))},
        "strategy": "nsga2",
        "strategy_config": {"population": 10},
        "limits": {"max_macs": 5},
        "budget": {"trials": 40},
    }
    search = create_search(read_search(config), local_owner())
    queue.deliver()
    search.refresh_from_db()
    assert search.state == "finished" and "40 trials" in search.reason
    assert max(search.trials.exclude(state=INFEASIBLE).values_list("macs", flat=True)) <= 5_000_000
    assert min(search.trials.filter(state=INFEASIBLE).values_list("macs", flat=True)) > 5_000_000
    assert search.trials.exclude(state=INFEASIBLE).count() == 40


def test_a_limit_that_a_table_cannot_judge_is_refused(db, tmp_path):
    path = write_macro(tmp_path / "m.npz")
    config = {"evaluator": "tabular", "evaluator_config": {"path": str(path)}, "limits": {"max_latency": 5}}
    with pytest.raises(ConfigError) as caught:
        create_search(read_search(config), local_owner())
    assert list(caught.value.problems) == ["limits.max_latency"]
