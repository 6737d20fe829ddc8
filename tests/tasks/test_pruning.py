"""Early stopping in a search: who falls behind is ended, told, counted, and ranked nowhere."""

from types import SimpleNamespace

import pytest

from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.search_config import SearchConfig, read_search
from nas_engine.trial import Evaluation
from tasks import live, train
from webapp.models import Search, Trial
from webapp.services.owner import local_owner

EPOCHS = 6
PRUNED = Trial.State.PRUNED


@pytest.fixture
def trained(monkeypatch):
    """Children whose curves rise to what their number says: every third comes to a third of the others."""

    def evaluate(trial, config, report, cancelled):
        final = 0.3 if trial.number > 6 and trial.number % 3 == 0 else 0.8 + trial.number / 1000
        curve = []
        for epoch in range(1, config.training.epochs + 1):
            numbers = {"epoch": epoch, "train_loss": 1.0, "train_accuracy": final, "seconds": 0.1}
            numbers |= {"valid_accuracy": final * (1 - 0.5**epoch), "images_per_second": 10.0, "valid_seconds": 0.02}
            curve.append(numbers)
            report(SimpleNamespace(**numbers, epochs=config.training.epochs))
        measured = Evaluation(final, 10, 10, None, 1.0, trial.protocol)
        return SimpleNamespace(evaluation=measured, curve=curve, weights={}, timings={"train": 0.6}, latency={})

    monkeypatch.setattr(train, "evaluate", evaluate)


@pytest.fixture(params=["median", "extrapolation"])
def searched(request, start, queue, trained) -> Search:
    search = start(
        strategy="regularized_evolution",
        strategy_config={"population": 5, "sample": 2},
        evaluator_config={"early_stopping": request.param},
        training={"epochs": EPOCHS},
        budget={"trials": 18, "parallelism": 1},
        space_config={"blocks": 4},
    )
    queue.deliver()
    search.refresh_from_db()
    return search


def test_who_falls_behind_is_ended_early_and_the_others_are_not(searched):
    pruned, again = (searched.trials.filter(state=PRUNED, same_as__isnull=first) for first in (True, False))
    assert searched.state == "finished" and searched.trials.count() == 18
    assert all(trial.same_as.state == PRUNED and trial.reward == trial.same_as.reward for trial in again)
    assert pruned.count() >= 3 and {trial.number % 3 for trial in pruned} == {0}
    for trial in pruned:
        assert 3 <= trial.epoch < EPOCHS and trial.epochs == EPOCHS and len(trial.curve) == trial.epoch
        assert trial.valid_accuracy is None and 0.2 < trial.reward < 0.5 and trial.told_as is not None
        assert trial.params > 0 and "expected at the end" in trial.error
    assert searched.trials.filter(state__in=Trial.MEASURED).count() == 18 - pruned.count() - again.count()


@pytest.mark.parametrize("searched", ["extrapolation"], indirect=True)
def test_the_strategy_is_told_what_was_expected_and_pages_show_it(searched, client):
    config = read_search(searched.config)
    space = config.build_space()
    kept = live.packed(live.strategy_of(searched, config, space))
    live.forget()
    Search.objects.filter(pk=searched.pk).update(strategy_state=None, strategy_state_told=0)
    searched.refresh_from_db()
    assert live.packed(live.restored(searched, config, space)) == kept
    trial = searched.trials.filter(state=PRUNED).first()
    told = live.as_told(trial, space, config.limits)
    assert told.reward == trial.reward == told.evaluation.valid_accuracy
    _pages_show(searched, trial, client)


def _pages_show(searched, trial, client) -> None:
    client.force_login(local_owner())
    html = client.get(f"/searches/{searched.pk}/").content.decode()
    assert "Stopped early" in html and "of training saved" in html
    assert "was stopped early" in client.get(f"/searches/{searched.pk}/trials/{trial.number}/").content.decode()
    assert "stopped early, epoch" in client.get(f"/searches/{searched.pk}/?state=pruned").content.decode()
    for path in ("/leaderboard/", "/searches/", "/", f"/compare/?search={searched.pk}", f"/cells/{trial.cell_id}/"):
        assert client.get(path).status_code == 200, path


def test_no_rule_no_stop(start, queue, trained):
    search = start(training={"epochs": EPOCHS}, budget={"trials": 12}, space_config={"blocks": 4})
    queue.deliver()
    assert not search.trials.filter(state=PRUNED).exists()


def test_it_does_not_go_with_a_reward_that_needs_a_latency():
    with pytest.raises(ConfigError) as caught:
        read(
            SearchConfig,
            {"evaluator_config": {"early_stopping": "median"}, "reward": {"goal": "latency", "target": 5}},
        )
    assert list(caught.value.problems) == ["evaluator_config.early_stopping"]
