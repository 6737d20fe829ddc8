"""Measured cells: the leaderboard, and single cells."""

from itertools import islice
from typing import Any

from django.http import Http404
from ninja import Query, Router

from webapp.api.answers import CellOut
from webapp.results.cell import find_cell
from webapp.results.notations import notations_of
from webapp.templatetags.cells import cells_of
from webapp.views.downloads import asked_for, measurement

router = Router(tags=["results"])


@router.get(
    "/leaderboard",
    response=list[dict[str, Any]],
    summary="Cells measured under one protocol; takes what stands behind the ? in the leaderboard page’s address",
)
def leaderboard(request, limit: int = Query(100, ge=1, le=10_000), offset: int = Query(0, ge=0)):
    trials, over, _ = asked_for(request)
    rows = islice(trials, offset, offset + limit)
    return [measurement(rank, trial, over) for rank, trial in enumerate(rows, start=offset + 1)]


@router.get("/cells/{key}", response=CellOut, summary="A cell in every notation it can be written in")
def show_cell(request, key: str):
    record, several = find_cell(key)
    if record is None:
        raise Http404(f"{len(several) or 'No'} cells have keys that begin with {key}. Write more digits.")
    written = {name: text for name, _, text, _ in notations_of(cells_of(record)) if text and name != "json"}
    return {"key": record.key, "name": record.name, "cells": record.cells, "notations": written}
