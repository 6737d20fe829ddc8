"""Advancing a search: tell its strategy what came out, ask it for what to try next, see when it is done."""

import logging

from django.db import DatabaseError
from django.db.models import Max

from nas_engine.errors import ConfigError
from nas_engine.search_config import SearchConfig, read_search
from nas_engine.search_spaces.base import SearchSpace
from tasks import clock, live, messages, proposals, workers
from tasks.app import app
from tasks.lease import LeaseLost, lease
from tasks.recording import changing, clean, say
from tasks.wording import duration, percent
from webapp.models import LogLine, PolicyUpdate, Search, Trial

log = logging.getLogger(__name__)
State = Search.State
CHECKPOINT_EVERY = 50  # tells; more often where the strategy learned something or a trial failed
HOPELESS = 8  # this many failures and not one result end a search


@app.task(name="tasks.search.advance_search")
def advance_search(search_id: int) -> None:
    """Take a search as far as it goes now. Does nothing while another coordinator holds it."""
    while True:
        with lease(search_id, workers.name()) as token:
            if token is None or not _advance(search_id, token):
                return
        # Whoever found the lease taken while we held it went away: look once more for what they came for.
        if not work_left(search_id):
            return


def work_left(search_id: int) -> bool:
    """Whether a coordinator would find something to do."""
    search = Search.objects.filter(pk=search_id, state__in=Search.ACTIVE).defer("strategy_state").first()
    if search is None:
        return False
    trials = search.trials
    return (
        search.state == State.QUEUED
        or trials.filter(state__in=proposals.ENDED, told_as=None).exists()
        or proposals.room(search, read_search(search.config).budget) > 0
        or not trials.filter(state__in=Trial.OPEN).exists()
        or proposals.resolvable(search)
    )


def _advance(search_id: int, token: str) -> bool:
    """One visit. False if the search is not to be advanced any more by this call."""
    try:
        search = _begin(search_id, token)
        if search is None:
            return False
        config = read_search(search.config)
        space = config.build_space()
        proposals.resolve_waiting(search_id, token)
        while _step(search_id, config, space, token):
            pass
        return _end_if_done(search_id, config, token)
    except LeaseLost:
        return False
    except DatabaseError:
        raise  # the database is away or busy; the sweeper comes back to this search
    except ConfigError as error:
        _break_down(search_id, token, f"Its configuration is refused: {error}")
    except Exception as error:
        log.exception("Search %s broke down", search_id)
        _break_down(search_id, token, f"The strategy broke down: {type(error).__name__}: {error}")
    return False


def held(search: Search, token: str) -> None:
    """Raises LeaseLost unless this coordinator may still change the running search."""
    if search.lease_owner != token or search.state != State.RUNNING:
        raise LeaseLost


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
    return f"search started: {limit}, {budget['parallelism']} at once; {search.protocol_summary}"


def _step(search_id: int, config: SearchConfig, space: SearchSpace, token: str) -> bool:
    """Tell and ask once. False if there was nothing to do."""
    search = Search.objects.defer("strategy_state").get(pk=search_id)
    ended = list(search.trials.filter(state__in=proposals.ENDED, told_as=None).order_by("ended", "number"))
    first, room = proposals.next_number(search), proposals.room(search, config.budget)
    if not ended and not room:
        return False
    strategy = live.strategy_of(search, config, space)
    records = [strategy.tell(live.as_told(row, space)) for row in ended]
    proposed = [strategy.ask(number) for number in range(first, first + room)]
    told = search.told + len(ended)
    learned = any(record is not None for record in records)
    failed = any(row.state == Trial.State.FAILED for row in ended)
    # A failed trial may be tried again later and end otherwise than was told; so no failure is ever told from the rows.
    due = learned or failed or told - search.strategy_state_told >= CHECKPOINT_EVERY
    checkpoint = (live.packed(strategy),) if due else None
    with changing(search_id) as row:
        held(row, token)
        _store_tells(row, ended, records, checkpoint)
        sent = proposals.store(row, proposed, space)
    live.keep(search_id, told, strategy)
    for trial in sent:
        if not messages.train_child(trial.pk, trial.attempt):
            break
    return True


def _store_tells(search: Search, ended: list[Trial], records: list, checkpoint: tuple | None) -> None:
    for place, trial in enumerate(ended, start=search.told + 1):
        Trial.objects.filter(pk=trial.pk).update(told_as=place)
    search.told += len(ended)
    number = search.updates.aggregate(last=Max("number"))["last"] or 0
    for record in filter(None, records):
        number += 1
        PolicyUpdate.objects.create(search=search, number=number, record=clean(record))
        say(search, _update_sentence(number, record))
    fields = ["told"]
    if checkpoint is not None:
        (search.strategy_state,) = checkpoint
        search.strategy_state_told = search.told
        fields += ["strategy_state", "strategy_state_told"]
    search.save(update_fields=fields)


def _update_sentence(number: int, record: dict) -> str:
    parts = []
    if record.get("entropy") is not None and record.get("entropy_uniform"):
        parts.append(f"entropy {100 * record['entropy'] / record['entropy_uniform']:.0f}\u00a0%")
    if record.get("kl") is not None:
        parts.append(f"KL {record['kl']:.3f}")
    if record.get("clip_fraction") is not None:
        parts.append(f"clipped {100 * record['clip_fraction']:.0f}\u00a0%")
    return f"controller update {number}" + (f": {', '.join(parts)}" if parts else "")


def _end_if_done(search_id: int, config: SearchConfig, token: str) -> bool:
    """End the search if its budget is spent. False once it has ended."""
    with changing(search_id) as search:
        held(search, token)
        hopeless = _hopeless(search)
        if hopeless:
            _halt(search, State.FAILED, hopeless, LogLine.Level.BAD)
            return False
        out_of_time = proposals.out_of_time(search, config.budget)
        if out_of_time:
            unbegun = search.trials.filter(state__in=(Trial.State.QUEUED, Trial.State.WAITING))
            unbegun.update(state=Trial.State.STOPPED, ended=clock.now())
        all_asked = out_of_time or proposals.next_number(search) > config.budget.trials
        pending = search.trials.filter(state__in=Trial.OPEN) | search.trials.filter(
            state__in=proposals.ENDED, told_as=None
        )
        if not all_asked or pending.exists():
            return True
        count = search.trials.filter(state__in=proposals.ENDED).count()
        limit = f"Its {config.budget.hours:g} h are over" if out_of_time else "Its trials are done"
        _halt(search, State.FINISHED, _closing(search, f"{limit}: {count} of {config.budget.trials}"))
    return False


def _hopeless(search: Search) -> str:
    """Why it makes no sense to go on: every trial so far failed. Empty where there is hope."""
    failed = search.trials.filter(state=Trial.State.FAILED)
    if failed.count() < HOPELESS or search.trials.filter(state__in=Trial.MEASURED).exists():
        return ""
    last = failed.order_by("-ended").first()
    return f"The first {failed.count()} trials all failed, the last because: {last.error}. {last.advice}".strip()


def _closing(search: Search, text: str) -> str:
    best = search.trials.filter(state__in=Trial.MEASURED).order_by("-reward", "number").first()
    return f"{text}." if best is None else f"{text}. Best: trial {best.number}, {percent(best.valid_accuracy)}."


def _halt(search: Search, state: str, reason: str, level: str = LogLine.Level.GOOD) -> None:
    now = clock.now()
    if search.resumed is not None:
        search.active_seconds += max((now - search.resumed).total_seconds(), 0)
    search.state, search.reason, search.ended, search.resumed = state, reason, now, None
    search.save(update_fields=["state", "reason", "ended", "resumed", "active_seconds"])
    say(search, f"search {state} after {duration(search.active_seconds)}. {reason}", level)


def _break_down(search_id: int, token: str, reason: str) -> None:
    live.forget()
    with changing(search_id) as search:
        if search.lease_owner == token and search.state in Search.ACTIVE:
            _halt(search, State.FAILED, f"{reason}. Nothing is lost: correct the cause and resume.", LogLine.Level.BAD)
