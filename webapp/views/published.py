"""Published cells, and bringing along a cell of one's own."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render

from nas_engine import zoo
from nas_engine.cell import cells_key
from nas_engine.errors import ConfigError
from nas_engine.notation import LONGEST_TEXT
from webapp.models import FullTraining
from webapp.results.published import published
from webapp.services import cells as service


def published_cells(request):
    """Every published cell with its paper's figures and ours."""
    tested = FullTraining.objects.filter(test_mean__isnull=False, cell__in=[one.record.key for one in published()])
    context = {
        "section": "leaderboard",
        "published": published(),
        "drawn_only": zoo.DRAWN_ONLY,
        "trained": {one.cell_id: one for one in tested.select_related("dataset").order_by("pk")},  # the latest counts
    }
    return render(request, "published/list.html", context)


def published_cell(request, name: str):
    """The cell page of a published cell, by its name."""
    if name not in zoo.names():
        raise Http404(f"There is no published cell {name}. Known: {', '.join(zoo.names())}.")
    return redirect("cell", cells_key(zoo.get(name).cells))


def cell_import(request):
    """A form for a pasted genotype; what is sent and right is kept and shown on its cell page."""
    text, problem = "", ""
    if request.method == "POST":
        text = request.POST.get("text", "")
        try:
            record = service.import_text(text)
        except ConfigError as error:
            problem = error.problems["text"]
        else:
            messages.success(request, f"Cell {record} is here")
            return redirect("cell", record.key)
    context = {"section": "leaderboard", "text": text, "problem": problem, "longest": LONGEST_TEXT}
    return render(request, "published/import.html", context)
