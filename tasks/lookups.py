"""Searches whose evaluations are look-ups in a table: asked, looked up and told here, and stored many trials at a time.

Nothing is under way between two transactions: whoever continues after a crash proposes what was lost again.
"""

import time
from dataclasses import dataclass, field, replace

from django.db.models import Sum

from nas_engine import trial as engine
from nas_engine.cell import cells_key
from nas_engine.errors import EvaluationFailed
from nas_engine.evaluators.tabular import TabularEvaluator
from nas_engine.search_config import SearchConfig
from nas_engine.strategies.base import Strategy
from tasks import clock, ending, live, proposals
from tasks.learning import store_learned
from tasks.lease import held
from tasks.recording import changing, clean, say
from tasks.wording import percent, praise
from webapp.models import CellRecord, LogLine, Search, Trial, operations_of

BATCH = 200  # trials stored in one transaction
SHORT = 1.0  # seconds after which what there is of a batch is stored, so that the page moves
TURN = 3.0  # seconds after which other searches have theirs


def advance(search_id: int, config: SearchConfig, token: str) -> bool:
    """Take the search on until it ends or its turn is over; returns whether it goes on.

    Raises LeaseLost, and ConfigError where the table cannot be read.
    """
    evaluator = config.open_table()
    until = time.monotonic() + TURN
    while _step(search_id, config, evaluator, token):
        if time.monotonic() > until:
            return True
    return False


@dataclass
class _Batch:
    """Trials that were looked up and told, with what ``tell`` returned; ``over`` says why there are no more, if so."""

    trials: list[engine.Trial] = field(default_factory=list)
    records: list[dict | None] = field(default_factory=list)
    over: str = ""


def _step(search_id: int, config: SearchConfig, evaluator: TabularEvaluator, token: str) -> bool:
    """One batch. False once the search has ended."""
    search = Search.objects.defer("strategy_state").get(pk=search_id)
    strategy = live.strategy_of(search, config, evaluator.space)
    batch = _look_up(search, config, evaluator, strategy)
    told = search.told + len(batch.trials)
    checkpoint = (live.packed(strategy),)
    rows, cells = _rows(search, batch, evaluator)
    with changing(search_id) as row:
        held(row, token)
        best = row.trials.filter(state__in=Trial.MEASURED).order_by("-reward").values_list("reward", flat=True).first()
        CellRecord.objects.bulk_create(cells, ignore_conflicts=True, batch_size=500)
        _store(rows)
        store_learned(row, told, batch.records, checkpoint)
        _say_best(row, rows, best)
        over = _end(row, batch)
    live.keep(search_id, told, strategy)
    return not over


def _look_up(search: Search, config: SearchConfig, evaluator: TabularEvaluator, strategy: Strategy) -> _Batch:
    """As many trials at a time as the budget says are asked for before the first of them is told."""
    batch, number, started = _Batch(), proposals.next_number(search), time.monotonic()
    counted, barren = proposals.counted(search), 0
    if proposals.out_of_time(search, config.budget):
        batch.over = f"Its {config.budget.hours:g} h are over"
    limit = config.evaluator_config["seconds"]
    spent = (search.trials.aggregate(spent=Sum("seconds"))["spent"] or 0.0) if limit else 0.0
    while not batch.over and len(batch.trials) < BATCH and time.monotonic() < started + SHORT:
        if counted >= config.budget.trials or barren >= ending.BARREN:
            batch.over = "Its trials are done"
            break
        last = number + min(config.budget.parallelism, config.budget.trials - counted)
        for proposal in [strategy.ask(at) for at in range(number, last)]:
            ended = _ended(proposal, config, evaluator)
            seconds = ended.evaluation.seconds if ended.evaluation else 0.0
            if limit and spent + seconds > limit:
                batch.over = f"Its {limit:,.0f} s of simulated training are spent"
                return batch
            spent += seconds
            batch.records.append(strategy.tell(ended))
            batch.trials.append(ended)
            counted += ended.violation is None
            barren = barren + 1 if ended.violation is not None else 0
        number = last
    return batch


def _ended(proposal: engine.Trial, config: SearchConfig, evaluator: TabularEvaluator) -> engine.Trial:
    broken = config.limits.broken_by(*evaluator.costs(proposal.architecture))
    if broken:
        return proposal.infeasible(broken.excess, broken.reason)
    try:
        evaluation = evaluator.evaluate(proposal.architecture)
        broken = config.limits.broken_after(evaluation)
        if broken:
            return replace(proposal.infeasible(broken.excess, broken.reason), evaluation=evaluation)
        return proposal.finished(evaluation, config.reward.of(evaluation))
    except EvaluationFailed as error:
        return proposal.failed(str(error))


def _rows(search: Search, batch: _Batch, evaluator: TabularEvaluator) -> tuple[list[Trial], list[CellRecord]]:
    cells: dict[str, CellRecord] = {}
    rows, now = [], clock.now()
    for place, trial in enumerate(batch.trials, start=search.told + 1):
        found = evaluator.space.cells(trial.architecture)
        key = cells_key(found)
        fields = {"cells": [cell.as_json() for cell in found], "operations": operations_of(found)}
        cells.setdefault(key, CellRecord(key=key, **fields))
        rows.append(
            Trial(
                search=search,
                number=trial.number,
                cell_id=key,
                choices=list(trial.architecture.choices),
                info=clean(trial.info),
                protocol=search.protocol,
                told_as=place,
                started=now,
                ended=now,
                **_result(trial, evaluator),
            )
        )
    return rows, list(cells.values())


def _result(trial: engine.Trial, evaluator: TabularEvaluator) -> dict:
    found = trial.evaluation
    if trial.violation is not None:
        params, macs = evaluator.costs(trial.architecture)
        after = {"latency": found.latency, "seconds": found.seconds} if found else {}
        return {"state": Trial.State.INFEASIBLE, "error": trial.error, "params": params, "macs": macs, **after}
    if found is None:
        return {"state": Trial.State.FAILED, "error": trial.error}
    known = {name: getattr(found, name) for name in ("valid_accuracy", "latency", "seconds")}
    # A table without a column says 0.
    known |= {name: getattr(found, name) or None for name in ("params", "macs")}
    return {"state": Trial.State.FINISHED, "reward": trial.reward, **known}


def _store(rows: list[Trial]) -> None:
    """The first look-up of a cell counts as its measurement; later ones, in whatever search, as its result taken over.
    They cost their simulated seconds all the same."""
    keys = {trial.cell_id for trial in rows}
    known = (
        Trial.objects.filter(protocol=rows[0].protocol, state=Trial.State.FINISHED) if rows else Trial.objects.none()
    )
    first_of = dict(known.filter(cell_id__in=keys).order_by("-pk").values_list("cell_id", "pk"))
    firsts, later = {}, []
    for trial in rows:
        measured = trial.state == Trial.State.FINISHED
        if not measured or (trial.cell_id not in first_of and trial.cell_id not in firsts):
            firsts[trial.cell_id if measured else trial.number] = trial
        else:
            later.append(trial)
    Trial.objects.bulk_create(firsts.values(), batch_size=500)
    for trial in later:
        trial.state = Trial.State.REUSED
        trial.same_as_id = first_of.get(trial.cell_id) or firsts[trial.cell_id].pk
    Trial.objects.bulk_create(later, batch_size=500)


def _say_best(search: Search, rows: list[Trial], best: float | None) -> None:
    for trial in rows:
        if trial.reward is not None and (best is None or trial.reward > best):
            best = trial.reward
            text = f"trial {trial.number}: {percent(trial.valid_accuracy)}, {praise(trial.valid_accuracy, best)}"
            say(search, text, LogLine.Level.GOOD, trial.number)


def _end(search: Search, batch: _Batch) -> bool:
    hopeless = ending.hopeless(search)
    if hopeless:
        ending.halt(search, Search.State.FAILED, hopeless, LogLine.Level.BAD)
    elif batch.over:
        count = search.trials.filter(state__in=Trial.COUNTED).count()
        text = f"{batch.over}: {count:,} trials" if count else f"{batch.over} before the first trial"
        ending.halt(search, Search.State.FINISHED, ending.closing(search, text))
    return bool(hopeless or batch.over)
