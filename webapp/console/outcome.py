"""What a search came to, as JSON and as a table for a terminal."""

import io

from rich.console import Console
from rich.table import Table

from tasks.wording import millions, percent
from webapp.models import Search, Trial

SHOWN = 10


def report(search: Search) -> dict:
    """The search and all its trials as plain JSON data; ``best`` is the trial with the highest reward, or None."""
    trials = [_row(trial) for trial in search.trials.select_related("same_as")]
    measured = [trial for trial in trials if trial["reward"] is not None]
    return {
        "search": search.pk,
        "name": search.name,
        "state": search.state,
        "reason": search.reason,
        "protocol": search.protocol,
        "trials": trials,
        "best": max(measured, key=lambda trial: trial["reward"], default=None),
    }


def _row(trial: Trial) -> dict:
    return {
        "number": trial.number,
        "state": trial.state,
        "valid_accuracy": trial.valid_accuracy,
        "reward": trial.reward,
        "params": trial.params,
        "macs": trial.macs,
        "latency": trial.latency,
        "seconds": trial.seconds,
        "key": trial.cell_id,
        "same_as": trial.same_as.number if trial.same_as and trial.same_as.search_id == trial.search_id else None,
        "error": trial.error or None,
    }


def leaderboard(search: Search) -> str:
    """The best cells of the search, each once, as a table."""
    table = Table(title=f"{search.name}: {search.protocol_summary}", title_justify="left")
    table.add_column("cell")
    for name in ("valid", "reward", "parameters", "MACs", "seconds", "trial"):
        table.add_column(name, justify="right")
    seen = set()
    for trial in search.trials.filter(state__in=Trial.MEASURED).order_by("-reward", "number"):
        if trial.cell_id in seen or len(seen) == SHOWN:
            continue
        seen.add(trial.cell_id)
        table.add_row(
            trial.cell_id[:7],
            percent(trial.valid_accuracy),
            f"{trial.reward:.4f}",
            millions(trial.params),
            millions(trial.macs),
            f"{trial.seconds:.1f}" if trial.seconds is not None else "",
            str(trial.number),
        )
    text = io.StringIO()
    Console(file=text, width=100).print(table)
    return text.getvalue()
