"""How a search ends: when it is hopeless, and what its last words are."""

from tasks import clock
from tasks.recording import say
from tasks.wording import duration, winner
from webapp.models import LogLine, Search, Trial

HOPELESS = 8  # this many failures and not one result end a search
BARREN = 1000  # so many proposals in a row that break the limits do, too


def barren(search: Search) -> bool:
    """Whether the latest proposals all broke the limits, and were many."""
    proposed = search.trials.order_by("-number")
    feasible = proposed.exclude(state=Trial.State.INFEASIBLE).values_list("number", flat=True).first() or 0
    return search.trials.filter(state=Trial.State.INFEASIBLE, number__gt=feasible).count() >= BARREN


def hopeless(search: Search) -> str:
    """Why it makes no sense to go on: every trial so far failed, or broke the limits. Empty where there is hope."""
    if barren(search):
        last = search.trials.order_by("-number").values_list("error", flat=True).first()
        return f"{BARREN:,} proposals in a row broke the limits, the last with {last}. Relax them in a clone."
    failed = search.trials.filter(state=Trial.State.FAILED)
    if failed.count() < HOPELESS or search.trials.filter(state__in=Trial.MEASURED).exists():
        return ""
    last = failed.order_by("-ended").first()
    return f"The first {failed.count()} trials all failed, the last because: {last.error}. {last.advice}".strip()


def closing(search: Search, text: str) -> str:
    """The text as a sentence, and the trial with the highest reward."""
    best = search.trials.filter(state__in=Trial.MEASURED).order_by("-reward", "number").first()
    return f"{text}." if best is None else f"{text}.{winner(best.number, best.valid_accuracy, best.reward)}"


def halt(search: Search, state: str, reason: str, level: str = LogLine.Level.GOOD) -> None:
    now = clock.now()
    if search.resumed is not None:
        search.active_seconds += max((now - search.resumed).total_seconds(), 0)
    search.state, search.reason, search.ended, search.resumed = state, reason, now, None
    search.save(update_fields=["state", "reason", "ended", "resumed", "active_seconds"])
    say(search, f"search {state} after {duration(search.active_seconds)}. {reason}", level)
