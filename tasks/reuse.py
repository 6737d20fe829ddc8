"""A cell is trained once: the same cell under the same protocol, in whatever search, takes over the known result.

Only measurements are taken over. If the trial that is waited for fails or is stopped, the waiting one is trained itself.
"""

from dataclasses import replace

from django.db.models import F, Q

from nas_engine.config import read
from nas_engine.errors import EvaluationFailed
from nas_engine.evaluators.settings import StandaloneConfig
from nas_engine.latency import same_way
from nas_engine.limits import Violation
from nas_engine.reward import best_of_last
from nas_engine.search_config import SearchConfig, read_search
from nas_engine.trial import Evaluation
from tasks import clock
from webapp.models import Search, Trial

ALIVE = (*Search.ACTIVE, Search.State.FINISHED)  # the states of a search whose queued trials are trained
RESULT = ("valid_accuracy", "params", "macs", "latency", "latency_about", "seconds", "device", "epochs")


def settle(trial: Trial, search: Search, queued_too: bool = True) -> dict:
    """The fields that say how this trial gets its result: reused, waiting for another, or queued to be trained.

    ``queued_too``: wait for older queued trials of the same cell as well, not just for running ones.
    """
    known = measured(trial)
    if known is not None:
        try:
            return _reused(known, read_search(search.config))
        except EvaluationFailed:  # the reward needs a latency that was not measured then
            pass
    again = _same(trial).filter(state=Trial.State.PRUNED, search=search).order_by("number").first()
    if again is not None:
        return _pruned(trial, again)
    other = in_training(trial, queued_too)
    if other is not None:
        return {"state": Trial.State.WAITING, "same_as": other}
    return {"state": Trial.State.QUEUED, "same_as": None}


def measured(trial: Trial) -> Trial | None:
    """The trial that first measured this cell under this protocol."""
    same = _same(trial).filter(state__in=Trial.MEASURED).select_related("search", "same_as__search")
    first = same.order_by(F("same_as").asc(nulls_first=True), "pk").defer("search__strategy_state").first()
    return first and (first.same_as or first)


def in_training(trial: Trial, queued_too: bool) -> Trial | None:
    """Another trial of the same cell whose result is to come. Of queued ones only older, so that no two wait for each
    other."""
    coming = Q(state=Trial.State.RUNNING)
    if queued_too:
        coming |= Q(state=Trial.State.QUEUED, pk__lt=trial.pk)
    return _same(trial).filter(coming, search__state__in=ALIVE).order_by("pk").first()


def sentence(trial: Trial, other: Trial) -> str:
    """For the log: "trial 173 is the same cell as trial 87; its result is reused"."""
    where = "" if other.search_id == trial.search_id else f" of search {other.search_id}"
    return f"trial {trial.number} is the same cell as trial {other.number}{where}; its result is reused"


def evaluation_of(trial: Trial) -> Evaluation:
    """The engine's view of a stored result."""
    return Evaluation(
        trial.valid_accuracy, trial.params, trial.macs, trial.latency, trial.seconds or 0.0, trial.protocol
    )


def _pruned(trial: Trial, again: Trial) -> dict:
    """What fell behind once in this search is not trained once more."""
    names = ("reward", "params", "macs", "error", "epoch", "epochs")
    info = trial.info | {"expected": again.info["expected"]}
    ended = {"state": Trial.State.PRUNED, "same_as": again, "info": info, "ended": clock.now()}
    return ended | {name: getattr(again, name) for name in names}


def infeasible(broken: Violation, costs) -> dict:
    """The fields of a trial that breaks the limits; ``costs`` has its ``params``, ``macs`` and ``latency``. It keeps no
    accuracy, so that it is nobody's best."""
    known = {name: getattr(costs, name) for name in ("params", "macs", "latency")}
    return {"state": Trial.State.INFEASIBLE, "error": broken.reason, "ended": clock.now(), **known}


def _check_latency(known: Trial, config: SearchConfig) -> None:
    """Raises EvaluationFailed where the search steers by latency and this one was obtained in another way."""
    steered = config.reward.goal == "latency" or config.limits.max_latency
    if steered and config.evaluator == "standalone":
        wanted = read(StandaloneConfig, config.evaluator_config)
        if not same_way(wanted, known.latency_about):
            raise EvaluationFailed("Its latency was obtained in another way")


def _same(trial: Trial):
    return Trial.objects.filter(cell_id=trial.cell_id, protocol=trial.protocol).exclude(pk=trial.pk)


def _reused(known: Trial, config: SearchConfig) -> dict:
    _check_latency(known, config)
    result = {name: getattr(known, name) for name in RESULT}
    broken = config.limits.broken_after(evaluation_of(known))
    if broken:
        return infeasible(broken, known) | {"same_as": known}
    best = best_of_last([epoch["valid_accuracy"] for epoch in known.curve])
    return {
        **result,
        "state": Trial.State.REUSED,
        "same_as": known,
        "reward": config.reward.of(replace(evaluation_of(known), best_accuracy=best)),
        "epoch": known.epochs,
        "ended": clock.now(),
    }
