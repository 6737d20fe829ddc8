"""The learning curves of chosen cells, all under one protocol."""

from django.http import Http404
from django.shortcuts import render

from webapp.figures.cell import learning_curves
from webapp.forms.board import read_filters
from webapp.results import board
from webapp.results.protocols import measured_protocols
from webapp.views.leaderboard import choose_protocol


def curves(request):
    """``cell`` is given once for each cell, ``protocol`` says under which its curve is shown."""
    filters, protocols = read_filters(request.GET), measured_protocols()
    if not filters.cells or not protocols:
        raise Http404("Choose cells in the leaderboard to see their learning curves together.")
    chosen, _ = choose_protocol(protocols, filters)
    trials = board.measurements(chosen.fingerprint).filter(cell__in=filters.cells)
    rows = list(board.ordered(trials, "-accuracy").select_related("cell", "search").defer("search__strategy_state"))
    context = {
        "section": "leaderboard",
        "chosen": chosen,
        "rows": rows,
        "missing": len(filters.cells) - len(rows),
        "figure": learning_curves([(str(row.cell), row.curve) for row in rows]),
    }
    return render(request, "leaderboard/curves.html", context)
