"""Advancing a search: tell its strategy what came out, ask it for what to try next, see when it is done."""

import logging
from enum import Enum

from django.db import DatabaseError

from nas_engine.errors import ConfigError
from nas_engine.search_config import SearchConfig, read_search
from nas_engine.search_spaces.base import SearchSpace
from tasks import clock, ending, live, lookups, messages, proposals, supernets, workers
from tasks.app import app
from tasks.learning import store_learned
from tasks.lease import LeaseLost, held, lease
from tasks.recording import changing, say
from webapp.models import LogLine, Search, Trial

log = logging.getLogger(__name__)
State = Search.State
CHECKPOINT_EVERY = 50  # tells; more often where the strategy learned something or a trial failed


class Visit(Enum):
    """What is left to do after a coordinator's visit to a search."""

    OVER = 0  # nothing, by this coordinator
    LOOK_AGAIN = 1  # what others came for meanwhile
    GOES_ON = 2  # more of the same, once other searches have had their turn


@app.task(name="tasks.search.advance_search")
def advance_search(search_id: int) -> None:
    """Take a search as far as it goes now. Does nothing while another coordinator holds it."""
    while True:
        with lease(search_id, workers.name()) as token:
            if token is None:
                return
            visit = _advance(search_id, token)
        if visit == Visit.OVER:
            return
        if visit == Visit.GOES_ON:
            messages.advance_search(search_id)
            return
        # Whoever found the lease taken while we held it went away: look once more for what they came for.
        if not work_left(search_id):
            return


def work_left(search_id: int) -> bool:
    """Whether a coordinator would find something to do."""
    search = Search.objects.filter(pk=search_id, state__in=Search.ACTIVE).defer("strategy_state").first()
    if search is None:
        return False
    if search.config.get("evaluator") == "supernet":
        return supernets.work_left(search)
    trials = search.trials
    return (
        search.state == State.QUEUED
        or trials.filter(state__in=proposals.ENDED, told_as=None).exists()
        or proposals.room(search, read_search(search.config).budget) > 0
        or not trials.filter(state__in=Trial.OPEN).exists()
        or proposals.resolvable(search)
    )


def _advance(search_id: int, token: str) -> Visit:
    """One visit."""
    try:
        search = _begin(search_id, token)
        if search is None:
            return Visit.OVER
        config = read_search(search.config)
        if config.evaluation.shares_weights:
            supernets.advance(search_id, config, token)
            return Visit.LOOK_AGAIN
        if config.evaluation.instant:
            return Visit.GOES_ON if lookups.advance(search_id, config, token) else Visit.OVER
        space = config.build_space()
        proposals.resolve_waiting(search_id, token)
        while _step(search_id, config, space, token):
            pass
        return Visit.LOOK_AGAIN if _end_if_done(search_id, config, token) else Visit.OVER
    except LeaseLost:
        return Visit.OVER
    except DatabaseError:
        raise  # the database is away or busy; the sweeper comes back to this search
    except ConfigError as error:
        _break_down(search_id, token, f"Its configuration is refused: {error}")
    except Exception as error:
        log.exception("Search %s broke down", search_id)
        _break_down(search_id, token, f"The strategy broke down: {type(error).__name__}: {error}")
    return Visit.OVER


def _begin(search_id: int, token: str) -> Search | None:
    search = Search.objects.filter(pk=search_id).defer("strategy_state").first()
    if search is None or search.state not in Search.ACTIVE:
        return None
    if search.state == State.RUNNING:
        return search
    with changing(search_id) as search:
        if search.lease_owner != token or search.state != State.QUEUED:
            raise LeaseLost
        now = clock.now()
        if search.started is None:
            say(search, _opening(search))
        search.state, search.resumed, search.started = State.RUNNING, now, search.started or now
        search.save(update_fields=["state", "resumed", "started"])
    return search


def _opening(search: Search) -> str:
    budget = search.config["budget"]
    limit = f"{budget['trials']} trials" + (f" or {budget['hours']:g} h" if budget["hours"] else "")
    seconds = search.config.get("evaluator_config", {}).get("seconds")
    limit += f" or {seconds:,.0f} s of simulated training" if seconds else ""
    return f"search started: {limit}, {budget['parallelism']} at once; {search.protocol_summary}"


def _step(search_id: int, config: SearchConfig, space: SearchSpace, token: str) -> bool:
    """Tell and ask once. False if there was nothing to do."""
    search = Search.objects.select_related("dataset").defer("strategy_state").get(pk=search_id)
    ended = list(search.trials.filter(state__in=proposals.ENDED, told_as=None).order_by("ended", "number"))
    first, room = proposals.next_number(search), proposals.room(search, config.budget)
    if not ended and not room:
        return False
    strategy = live.strategy_of(search, config, space)
    records = [strategy.tell(live.as_told(row, space, config.limits)) for row in ended]
    proposed = [strategy.propose(number) for number in range(first, first + room)]
    refused = proposals.judge(proposed, search, config, space)
    told = search.told + len(ended)
    learned = any(record is not None for record in records)
    failed = any(row.state == Trial.State.FAILED for row in ended)
    # A failed trial may be tried again later and end otherwise than was told; so no failure is ever told from the rows.
    due = learned or failed or told - search.strategy_state_told >= CHECKPOINT_EVERY
    checkpoint = (live.packed(strategy),) if due else None
    with changing(search_id) as row:
        held(row, token)
        _store_tells(row, ended, records, checkpoint)
        sent = proposals.store(row, proposed, refused, space)
    live.keep(search_id, told, strategy)
    for trial in sent:
        if not messages.train_child(trial.pk, trial.attempt):
            break
    return True


def _store_tells(search: Search, ended: list[Trial], records: list, checkpoint: tuple | None) -> None:
    for place, trial in enumerate(ended, start=search.told + 1):
        Trial.objects.filter(pk=trial.pk).update(told_as=place)
    store_learned(search, search.told + len(ended), records, checkpoint)


def _end_if_done(search_id: int, config: SearchConfig, token: str) -> bool:
    """End the search if its budget is spent. False once it has ended."""
    with changing(search_id) as search:
        held(search, token)
        reason = ending.hopeless(search)
        if reason:
            ending.halt(search, State.FAILED, reason, LogLine.Level.BAD)
            return False
        out_of_time = proposals.out_of_time(search, config.budget)
        if out_of_time:
            unbegun = search.trials.filter(state__in=(Trial.State.QUEUED, Trial.State.WAITING))
            unbegun.update(state=Trial.State.STOPPED, ended=clock.now())
        all_asked = out_of_time or proposals.counted(search) >= config.budget.trials
        pending = search.trials.filter(state__in=Trial.OPEN) | search.trials.filter(
            state__in=proposals.ENDED, told_as=None
        )
        if not all_asked or pending.exists():
            return True
        count = search.trials.filter(state__in=Trial.COUNTED).count()
        limit = f"Its {config.budget.hours:g} h are over" if out_of_time else "Its trials are done"
        ending.halt(search, State.FINISHED, ending.closing(search, f"{limit}: {count} of {config.budget.trials}"))
    return False


def _break_down(search_id: int, token: str, reason: str) -> None:
    live.forget()
    with changing(search_id) as search:
        if search.lease_owner == token and search.state in Search.ACTIVE:
            ending.halt(
                search, State.FAILED, f"{reason}. Nothing is lost: correct the cause and resume.", LogLine.Level.BAD
            )
