"""Watching a search in a terminal: a live bar on stderr, from the database alone."""

import sys
import time
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tasks import clock, messages
from tasks.wording import duration, percent
from webapp.models import Search, Trial, Worker

INTERVAL = 0.5  # seconds
ALIVE = timedelta(seconds=30)


def warn_of_workers() -> None:
    """Say on stderr if nobody is there to do the work."""
    missing = missing_workers()
    if missing:
        print(missing, file=sys.stderr)


def missing_workers() -> str:
    """What the search waits for before it can go on; empty if it waits for nothing."""
    alive = Worker.objects.filter(heartbeat__gte=clock.now() - ALIVE)
    roles = [role for role in ("search", "train") if not alive.filter(queue=role).exists()]
    if roles:
        commands = " and ".join(f"python manage.py worker {role}" for role in roles)
        which = " and no ".join(f"{role} worker" for role in roles)
        return f"No {which} is alive, so the search waits. Start script/server, or {commands}."
    if messages.queue_lengths() is None:
        return "Redis cannot be reached, so the search waits. Start script/server, or set REDIS_URL."
    return ""


def watch(search: Search) -> Search:
    """Show the search's progress until it has ended; returns it as it is then. A paused search is waited for."""
    columns = (
        TextColumn("{task.fields[state]}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[best]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        row = bar.add_task("", total=search.config["budget"]["trials"], state=search.state, best="", left="")
        said = ""
        while True:
            search.refresh_from_db(fields=["state", "reason", "told", "version", "active_seconds", "resumed"])
            _update(bar, row, search)
            if search.state in Search.ENDED:
                break
            if not console.is_terminal and (line := _line(search)) != said:
                print(said := line, file=sys.stderr)
            time.sleep(INTERVAL)
    print(f"{search.state}: {search.reason}", file=sys.stderr)
    return search


def _update(bar: Progress, row: TaskID, search: Search) -> None:
    ended = search.trials.exclude(state__in=Trial.OPEN).count()
    best = search.trials.filter(state__in=Trial.MEASURED).order_by("-reward", "number").first()
    bar.update(
        row,
        completed=ended,
        state=search.state,
        best=f"best {percent(best.valid_accuracy)}" if best else "",
        left=_left(search, ended),
    )


def _left(search: Search, ended: int) -> str:
    """How long the rest takes if it goes on as it went."""
    total = search.config["budget"]["trials"]
    used = search.active_seconds
    if search.resumed is not None:
        used += (clock.now() - search.resumed).total_seconds()
    if not ended or search.state != Search.State.RUNNING or ended >= total:
        return ""
    return f"{duration(used / ended * (total - ended))} left"


def _line(search: Search) -> str:
    ended = search.trials.exclude(state__in=Trial.OPEN).count()
    return f"{search.state}: {ended} of {search.config['budget']['trials']} trials"
