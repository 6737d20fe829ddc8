"""The sweep page of a RandWire search."""

from django.http import Http404
from django.shortcuts import render

from nas_engine.search_spaces.graph_statistics import LABELS
from webapp.figures.sweep import against_statistic
from webapp.models import Search
from webapp.results.sweep import settings_of, sweep_points
from webapp.views.polling import fragment
from webapp.views.searches import find

FIRST = "path_length"
COLUMNS = ("edges", "degree", "path_length", "clustering", "connectivity", "depth")


def sweep(request, pk: int):
    """Accuracy against graph statistics, and the generators' settings by their mean over seeds."""
    return render(request, "searches/sweep.html", _context(request, find(pk)))


def sweep_live(request, pk: int):
    """The page's body, for live.js."""
    return fragment(request, "searches/_sweep.html", _context(request, find(pk)))


def _context(request, search: Search) -> dict:
    if search.config["space"] != "randwire":
        raise Http404("Only searches of the RandWire space have graphs to sweep over.")
    found = sweep_points(search)
    settings = settings_of(found)
    chosen = request.GET.get("x", FIRST)
    chosen = chosen if chosen in LABELS else FIRST
    return {
        "section": "searches",
        "search": search,
        "points": found,
        "settings": settings,
        "seeds": max((one.seeds for one in settings), default=0),
        "statistics": LABELS.items(),
        "chosen": chosen,
        "columns": [(name, LABELS[name]) for name in COLUMNS],
        "figures": {name: against_statistic(found, settings, name) for name in LABELS} if found else {},
        "over": search.state in Search.ENDED,
        "version": str(search.version),
    }
