"""Marking cells: stars, pins, tags, notes, and saved views of the leaderboard. Every action is a plain form that goes
back to where it came from; a script that asks for JSON stays on its page."""

import json
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from webapp.models import CellRecord
from webapp.services import marks as service
from webapp.services import seeds as seed_service
from webapp.views.frame import back

MOST_CURVES = 8
MARKS = {"star": "starred", "pin": "pinned"}


@require_POST
def cell_mark(request, key, mark):
    """Star or pin one cell, or take that away: ``on`` is 1 or 0."""
    if mark not in MARKS or not CellRecord.objects.filter(pk=key).exists():
        raise Http404("There is no such cell.")
    on = request.POST.get("on") == "1"
    if request.accepts("text/html"):
        return ACTIONS[mark if on else f"un{mark}"](request, [key])
    service.mark(request.user, [key], **{MARKS[mark]: on})
    return JsonResponse({MARKS[mark]: on})


@require_POST
def cell_note(request, key):
    """Replace a cell's note and its tags."""
    cell = CellRecord.objects.filter(pk=key).first()
    if cell is None:
        raise Http404("There is no such cell.")
    try:
        before = set(cell.note.tags.split()) if hasattr(cell, "note") else set()
        wanted = set(request.POST.get("tags", "").replace(",", " ").split())
        if wanted - before:
            service.tag(request.user, [key], " ".join(wanted - before))
        if before - wanted:
            service.tag(request.user, [key], " ".join(before - wanted), on=False)
        service.write_note(request.user, cell, request.POST.get("text", ""))
    except ConfigError as error:
        messages.warning(request, " ".join(error.problems.values()))
    else:
        messages.success(request, "Note kept")
    return HttpResponseRedirect(back(request))


@require_POST
def selection(request):
    """What is to be done with the chosen cells: ``do`` names it."""
    keys = list(dict.fromkeys(request.POST.getlist("cell")))
    known = list(CellRecord.objects.filter(pk__in=keys).values_list("pk", flat=True))
    keys = [key for key in keys if key in known]
    action = ACTIONS.get(request.POST.get("do", ""))
    if action is None or not keys:
        messages.warning(request, "Choose cells first: tick the boxes at the left of their rows.")
        return HttpResponseRedirect(back(request))
    return action(request, keys)


def _said(request, words: str, undo: str, keys: list[str], **more: str) -> HttpResponse:
    """Go back with a message of what was done, which offers ``undo``, an action on the cells ``keys``, if there are any."""
    way_back = json.dumps({"do": undo, "cell": keys, **more}) if keys else ""
    messages.success(request, words, extra_tags=way_back)
    return HttpResponseRedirect(back(request))


def _tag(request, keys: list[str]) -> HttpResponse:
    changed = service.without_tags(keys, request.POST.get("tag", ""))
    return _tagged(request, keys, True, "{cells} tagged {tags}", "untag", changed)


def _untag(request, keys: list[str]) -> HttpResponse:
    return _tagged(request, keys, False, "{tags} taken from {cells}", "tag", keys)


def _tagged(request, keys: list[str], on: bool, words: str, undo: str, changed: list[str]) -> HttpResponse:
    try:
        tags = service.tag(request.user, keys, request.POST.get("tag", ""), on)
    except ConfigError as error:
        messages.warning(request, " ".join(error.problems.values()))
        return HttpResponseRedirect(back(request))
    said = words.format(cells=_cells(keys), tags=", ".join(tags))
    return _said(request, said, undo, changed, tag=" ".join(tags))


def _marks(words: str, undo: str, **on: bool):
    """An action that sets a mark on the chosen cells, and the action that takes it back."""

    def action(request, keys: list[str]) -> HttpResponse:
        return _said(request, f"{_cells(keys)} {words}", undo, service.mark(request.user, keys, **on))

    return action


def _curves(request, keys: list[str]) -> HttpResponse:
    fields = [("protocol", request.POST.get("protocol", "")), *(("cell", key) for key in keys[:MOST_CURVES])]
    return redirect(f"{reverse('leaderboard-curves')}?{urlencode(fields)}")


def _compare(request, keys: list[str]) -> HttpResponse:
    if len(keys) != 2:
        messages.warning(
            request, f"Two cells are compared at a time; {len(keys)} {'is' if len(keys) == 1 else 'are'} chosen."
        )
        return HttpResponseRedirect(back(request))
    fields = {"a": keys[0], "b": keys[1], "protocol": request.POST.get("protocol", "")}
    return redirect(f"{reverse('cell-diff')}?{urlencode(fields)}")


def _export(request, keys: list[str]) -> HttpResponse:
    fields = [("protocol", request.POST.get("protocol", "")), *(("cell", key) for key in keys)]
    return redirect(f"{reverse('leaderboard-csv')}?{urlencode(fields)}")


def _seeds(request, keys: list[str]) -> HttpResponse:
    train_again(request, keys)
    return HttpResponseRedirect(back(request))


@require_POST
def cell_seeds(request, key):
    """Have one cell trained again from more seeds."""
    if not CellRecord.objects.filter(pk=key).exists():
        raise Http404("There is no such cell.")
    train_again(request, [key])
    return HttpResponseRedirect(back(request))


def train_again(request, keys: list[str]) -> None:
    """Have cells trained from as many more seeds as was asked for, under the protocol given; a message says what comes."""
    more = request.POST.get("more", "2")
    try:
        made = seed_service.train_more_seeds(
            request.user, keys, request.POST.get("protocol", ""), int(more) if more.isdecimal() else 0
        )
    except ConfigError as error:
        messages.warning(request, " ".join(error.problems.values()))
        return
    seeds = ", ".join(str(search.config["training"]["seed"]) for search in made)
    word = f"seed {seeds}, as a search" if len(made) == 1 else f"seeds {seeds}, as {len(made)} searches"
    messages.success(request, f"{_cells(keys)} will be trained again: {word} under the same protocol otherwise")


ACTIONS = {
    "tag": _tag,
    "untag": _untag,
    "star": _marks("starred", "unstar", starred=True),
    "unstar": _marks("without a star", "star", starred=False),
    "pin": _marks("pinned above the table", "unpin", pinned=True),
    "unpin": _marks("no longer pinned", "pin", pinned=False),
    "compare": _compare,
    "curves": _curves,
    "export": _export,
    "seeds": _seeds,
}


def _cells(keys: list[str]) -> str:
    return "1 cell" if len(keys) == 1 else f"{len(keys)} cells"


@require_POST
def view_save(request):
    """Keep the leaderboard as it stands under a name."""
    query = request.POST.get("query", "")
    try:
        kept = service.save_view(request.user, request.POST.get("name", ""), query)
    except ConfigError as error:
        messages.warning(request, " ".join(error.problems.values()))
    else:
        messages.success(request, f"View {kept.name} saved")
    return redirect(f"{reverse('leaderboard')}?{query}")


@require_POST
def view_delete(request, pk):
    """Delete a saved view; it can be saved again from the page it leads back to."""
    deleted = service.delete_view(request.user, pk)
    if deleted is None:
        raise Http404("There is no such view.")
    messages.success(request, f"View {deleted.name} deleted")
    return redirect(f"{reverse('leaderboard')}?{deleted.query}")
