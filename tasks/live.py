"""The strategies of the searches this process coordinates, kept between steps.

A strategy is a function of its search and of what it was told, in order. So one that is not here, or was told another
number of trials than the database says, is built anew: from the last checkpoint and the tells after it.
"""

from collections import OrderedDict
from dataclasses import replace

from nas_engine import trial as engine
from nas_engine.architecture import Architecture
from nas_engine.limits import LimitsConfig
from nas_engine.search_config import SearchConfig
from nas_engine.search_spaces.base import SearchSpace
from nas_engine.strategies.base import Strategy
from tasks.reuse import evaluation_of
from webapp.models import Search, Trial

KEPT = 8
_strategies: OrderedDict[int, tuple[int, Strategy]] = OrderedDict()


def strategy_of(search: Search, config: SearchConfig, space: SearchSpace) -> Strategy:
    """The search's strategy, having been told exactly the first ``search.told`` trials."""
    told, strategy = _strategies.pop(search.pk, (None, None))
    return strategy if told == search.told else restored(search, config, space)


def restored(search: Search, config: SearchConfig, space: SearchSpace) -> Strategy:
    """A new strategy, brought to where the search stands by checkpoint and replay."""
    strategy = config.build_strategy(space)
    state, held = Search.objects.values_list("strategy_state", "strategy_state_told").get(pk=search.pk)
    if state:
        from nas_engine.strategies.checkpoint import unpack_state

        strategy.load_state_dict(unpack_state(bytes(state)))
    later = Trial.objects.filter(search=search, told_as__gt=held, told_as__lte=search.told)
    for row in later.order_by("told_as"):
        strategy.tell(as_told(row, space, config.limits))
    return strategy


def keep(search_id: int, told: int, strategy: Strategy) -> None:
    """Remember a strategy that was told so many trials, all of them in the database."""
    _strategies[search_id] = (told, strategy)
    _strategies.move_to_end(search_id)
    while len(_strategies) > KEPT:
        _strategies.popitem(last=False)


def forget() -> None:
    """Drop every strategy; they come back from the database."""
    _strategies.clear()


def packed(strategy: Strategy) -> bytes | None:
    """The strategy's checkpoint, or None if it holds nothing."""
    state = strategy.state_dict()
    if not state:
        return None
    from nas_engine.strategies.checkpoint import pack_state

    return pack_state(state)


def as_told(row: Trial, space: SearchSpace, limits: LimitsConfig) -> engine.Trial:
    """A stored trial as the strategy sees it."""
    trial = engine.Trial(row.number, Architecture(space.name, tuple(row.choices)), row.info)
    if row.state == Trial.State.FAILED:
        return trial.failed(row.error)
    if row.state == Trial.State.INFEASIBLE:
        broken = limits.broken_after(evaluation_of(row))
        return trial.infeasible(broken.excess if broken else 0.0, row.error)
    if row.state == Trial.State.PRUNED:
        return trial.finished(replace(evaluation_of(row), valid_accuracy=row.info["expected"]), row.reward)
    return trial.finished(evaluation_of(row), row.reward)
