"""Jump to a cell by its hash or name, a search by its number or name, a full training or data set by its name."""

import re

from django.db.models import Q
from django.shortcuts import redirect, render
from django.urls import reverse

from webapp.models import CellRecord, Dataset, FullTraining, Search

SHOWN = 12


def jump(request):
    """Straight to the one thing found, else a list of what was found."""
    wanted = request.GET.get("q", "").strip()
    kinds = {"cells": _cells, "searches": _searches, "trainings": _trainings, "datasets": _datasets}
    found = {name: find(wanted) for name, find in kinds.items()} if wanted else {}
    links = [link for links in found.values() for link in links]
    if len(links) == 1:
        return redirect(links[0]["url"])
    context = {"wanted": wanted, "count": len(links), **found}
    return render(request, "jump.html", context)


def _cells(wanted: str) -> list[dict]:
    text = wanted.lower()
    match = Q(name__icontains=wanted)
    if re.fullmatch(r"[0-9a-f]{4,64}", text):
        match |= Q(key__startswith=text)
    cells = CellRecord.objects.filter(match).order_by("key")[:SHOWN]
    return [{"thing": cell, "url": reverse("cell", args=[cell.key])} for cell in cells]


def _searches(wanted: str) -> list[dict]:
    match = Q(name__icontains=wanted)
    if re.fullmatch(r"[0-9]{1,9}", wanted):
        match |= Q(pk=int(wanted))
    searches = Search.objects.filter(match).select_related("dataset")[:SHOWN]
    return [{"thing": search, "url": reverse("search", args=[search.pk])} for search in searches]


def _trainings(wanted: str) -> list[dict]:
    trainings = FullTraining.objects.filter(name__icontains=wanted).select_related("dataset")[:SHOWN]
    return [{"thing": training, "url": reverse("training", args=[training.pk])} for training in trainings]


def _datasets(wanted: str) -> list[dict]:
    datasets = Dataset.objects.filter(Q(title__icontains=wanted) | Q(slug__icontains=wanted))[:SHOWN]
    return [{"thing": dataset, "url": reverse("dataset", args=[dataset.slug])} for dataset in datasets]
