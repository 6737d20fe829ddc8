"""Tables of measured cells to take home, and how downloads are named."""

import csv
import json
import re
from collections.abc import Iterator

from django.http import Http404, StreamingHttpResponse

from webapp.forms.board import read_filters
from webapp.models import Trial
from webapp.results import board
from webapp.results.protocols import TABLES, measured_protocols, siblings
from webapp.results.ranking import Ranking
from webapp.results.seeds import OverSeeds, over_seeds_of_all
from webapp.views.leaderboard import choose_protocol

COLUMNS = (
    "rank", "cell", "name", "valid_accuracy", "seeds", "mean_over_seeds", "std_over_seeds", "params", "macs",
    "latency_seconds", "train_seconds", "device", "dataset", "protocol", "protocol_summary",
    "strategy", "search", "search_name", "trial",
)  # fmt: skip


def leaderboard_csv(request):
    """The filtered rows in the order shown, one line each."""
    trials, over, name = asked_for(request)

    def lines() -> Iterator[str]:
        writer = csv.writer(_Echo())
        yield writer.writerow(COLUMNS)
        for rank, trial in enumerate(trials, start=1):
            yield writer.writerow([harmless(value) for value in measurement(rank, trial, over).values()])

    return _streamed(lines(), "text/csv; charset=utf-8", f"{name}.csv")


def leaderboard_json(request):
    """The filtered rows in the order shown, each with its cells."""
    trials, over, name = asked_for(request)

    def parts() -> Iterator[str]:
        yield "["
        for rank, trial in enumerate(trials, start=1):
            entry = measurement(rank, trial, over) | {"cells": trial.cell.cells}
            yield ("\n" if rank == 1 else ",\n") + json.dumps(entry, ensure_ascii=False)
        yield "\n]\n"

    return _streamed(parts(), "application/json", f"{name}.json")


def asked_for(request) -> tuple[Iterator[Trial], dict[str, OverSeeds], str]:
    protocols = measured_protocols()
    if not protocols:
        raise Http404("No cell has been measured yet.")
    filters = read_filters(request.GET)
    chosen, _ = choose_protocol(protocols, filters)
    found = board.board_of(chosen.fingerprint, filters, request.user)
    _, *others = siblings(chosen, protocols)
    ranked = found.ranked if others else Ranking(())
    over = over_seeds_of_all(ranked, [each.fingerprint for each in others])
    sort = filters.sort if others or filters.sort.strip("-") != "seeds" else "-accuracy"
    return (
        board.export_rows(found.trials, ranked, sort, over),
        over,
        f"cells-{safe_name(chosen.dataset)}-{chosen.fingerprint}",
    )


def measurement(rank: int, trial: Trial, over: dict[str, OverSeeds]) -> dict:
    """``seeds`` counts the trainings of the cell from different seeds, all else alike; one has no spread."""
    known = over.get(trial.cell_id)
    seeds = (known.number, known.mean, known.std) if known else (1, trial.valid_accuracy, None)
    return dict(
        zip(
            COLUMNS,
            (
                rank, trial.cell_id, trial.cell.name, trial.valid_accuracy, *seeds, trial.params, trial.macs, trial.latency,
                trial.seconds, trial.device.get("name", ""), _dataset(trial), trial.protocol,
                trial.search.protocol_summary, trial.search.strategy, trial.search_id, trial.search.name, trial.number,
            ),
            strict=True,
        )
    )  # fmt: skip


def _dataset(trial: Trial) -> str:
    return trial.search.dataset.slug if trial.search.dataset else TABLES


def harmless(value: object) -> object:
    """Text that a spreadsheet would run as a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


class _Echo:
    @staticmethod
    def write(line: str) -> str:
        return line


def _streamed(parts: Iterator, content_type: str, name: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(parts, content_type=content_type, headers={"Content-Disposition": attachment(name)})


def attachment(name: str) -> str:
    """The header that saves a response under ``name``, which is made of :func:`safe_name` pieces."""
    return f'attachment; filename="{name}"'


def safe_name(text: str) -> str:
    """A piece of a file name: ASCII letters, digits, - and _ only."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:60] or "cell"
