"""New trials of a search: how many there is room for, and how each gets its result."""

from dataclasses import dataclass

from django.db.models import Max

from nas_engine import trial as engine
from nas_engine.blueprint import build_blueprint
from nas_engine.errors import ConfigError
from nas_engine.limits import Violation
from nas_engine.search_config import BudgetConfig, SearchConfig
from nas_engine.search_spaces.base import SearchSpace
from tasks import clock, ending, messages, reuse
from tasks.lease import LeaseLost
from tasks.recording import changing, clean, say
from webapp.models import CellRecord, Dataset, Search, Trial

State = Trial.State
ENDED = (*Trial.COUNTED, State.INFEASIBLE)


def next_number(search: Search) -> int:
    """Trials are numbered from 1 in the order they were asked for."""
    return (search.trials.aggregate(last=Max("number"))["last"] or 0) + 1


def room(search: Search, budget: BudgetConfig) -> int:
    """How many trials to ask for now. Trials waiting for another's result train nothing, so as many again may wait."""
    if out_of_time(search, budget) or ending.barren(search):
        return 0
    training = search.trials.filter(state__in=(State.QUEUED, State.RUNNING)).count()
    waiting = search.trials.filter(state=State.WAITING).count()
    left = budget.trials - counted(search)
    return max(0, min(budget.parallelism - training, 2 * budget.parallelism - training - waiting, left))


def counted(search: Search) -> int:
    """Trials that count against the budget: all but those that break the limits."""
    return search.trials.exclude(state=State.INFEASIBLE).count()


def out_of_time(search: Search, budget: BudgetConfig) -> bool:
    """Whether the search has run for as long as it may; pauses do not count."""
    if not budget.hours:
        return False
    stretch = (clock.now() - search.resumed).total_seconds() if search.resumed else 0.0
    return search.active_seconds + stretch >= budget.hours * 3600


@dataclass(frozen=True)
class Refused:
    """A proposal that breaks the limits before training."""

    broken: Violation
    params: int
    macs: int
    latency: None = None


def judge(
    proposed: list[engine.Trial], search: Search, config: SearchConfig, space: SearchSpace
) -> list[Refused | None]:
    """Which proposals break the limits, by the exact parameters and MACs of their networks; none where there are none."""
    if not config.limits.before_training:
        return [None] * len(proposed)
    return [_judge(space.cells(proposal.architecture), search.dataset, config) for proposal in proposed]


def _judge(cells: tuple, dataset: Dataset, config: SearchConfig) -> Refused | None:
    try:
        network = build_blueprint(cells, config.skeleton, dataset.image_shape, len(dataset.classes))
    except ConfigError:  # training says what is wrong with it
        return None
    broken = config.limits.broken_by(network.params, network.macs)
    return Refused(broken, network.params, network.macs) if broken else None


def store(
    search: Search, proposed: list[engine.Trial], refused: list[Refused | None], space: SearchSpace
) -> list[Trial]:
    """Add what the strategy proposed. Returns the trials to send for training. Call it inside ``changing``."""
    to_train = []
    for proposal, no in zip(proposed, refused, strict=True):
        record = CellRecord.objects.of(space.cells(proposal.architecture))
        trial = Trial.objects.create(
            search=search,
            number=proposal.number,
            cell=record,
            choices=list(proposal.architecture.choices),
            info=clean(proposal.info),
            protocol=search.protocol,
            epochs=search.config["training"]["epochs"],
            sent=clock.now(),
        )
        if no is not None:
            Trial.objects.filter(pk=trial.pk).update(**reuse.infeasible(no.broken, no))
        elif _apply(trial, search) == State.QUEUED:
            to_train.append(trial)
    if any(refused):
        say(search, _refusals([no for no in refused if no is not None]))
    return to_train


def _refusals(refused: list[Refused]) -> str:
    text = f"{len(refused)} proposal{'' if len(refused) == 1 else 's'} not trained, breaking the limits"
    return f"{text}: {refused[-1].broken.reason}"


def resolvable(search: Search) -> bool:
    """Whether a waiting trial of this search need not wait any longer."""
    waiting = search.trials.filter(state=State.WAITING)
    return any(reuse.settle(trial, search)["state"] != State.WAITING for trial in waiting)


def resolve_waiting(search_id: int, token: str) -> None:
    """Give waiting trials the result they waited for, or train them if none is to come. Raises LeaseLost."""
    if not Trial.objects.filter(search_id=search_id, state=State.WAITING).exists():
        return
    to_train = []
    with changing(search_id) as search:
        if search.lease_owner != token or search.state != Search.State.RUNNING:
            raise LeaseLost
        for trial in search.trials.filter(state=State.WAITING).order_by("number"):
            if _apply(trial, search) == State.QUEUED:
                to_train.append(trial)
    for trial in to_train:
        if not messages.train_child(trial.pk, trial.attempt):
            break


def _apply(trial: Trial, search: Search) -> str:
    settled = reuse.settle(trial, search)
    if settled["state"] == State.QUEUED:
        settled["sent"] = clock.now()
    Trial.objects.filter(pk=trial.pk).update(**settled)
    if settled["state"] == State.REUSED:
        say(search, reuse.sentence(trial, settled["same_as"]), number=trial.number)
    elif settled["state"] == State.INFEASIBLE:
        say(search, f"trial {trial.number} breaks the limits: {settled['error']}", number=trial.number)
    return settled["state"]
