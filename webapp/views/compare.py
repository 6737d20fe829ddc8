"""Comparing searches: starting strategies x seeds together, and reading what came of any searches beside each other."""

import csv
import io
import json

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from webapp.diagrams import mix_bar
from webapp.figures import comparison as figures
from webapp.figures.search import COSTS
from webapp.forms.matrix import MatrixForm, bases
from webapp.models import Comparison as Record
from webapp.models import Search
from webapp.results.comparison import MOST, Comparison
from webapp.results.reading import reading
from webapp.services import comparisons as service
from webapp.templatetags.cells import cells_of
from webapp.views.downloads import attachment, harmless, safe_name
from webapp.views.polling import version_of
from webapp.views.search_live import changed, unchanged

PER_PAGE = 20
COLUMNS = (
    "strategy", "settings", "seed", "search", "state", "trials", "failed", "training_seconds", "best_valid_accuracy",
    "best_reward", "result", "best_cell",
)  # fmt: skip


@never_cache
def compare(request):
    """``?search=1&search=2`` beside each other; without any, the form that starts a comparison, and those there are."""
    if "search" in request.GET:
        return _page(request, None)
    if request.method == "POST":
        return _start(request)
    return _index(request, MatrixForm())


def _start(request):
    form = MatrixForm.from_post(request.POST)
    if form.searches:
        name = form.config.name or _named(form)
        try:
            record = service.create_comparison(name, form.searches, request.user)
        except ConfigError as error:
            form.add_problems(error.problems)
        else:
            messages.success(request, f"{len(form.searches)} searches started")
            return redirect("comparison", record.pk)
    return _index(request, form, refused=True)


def _named(form: MatrixForm) -> str:
    """ "4 strategies on NAS-Bench-201 table, cifar10_val_e12"."""
    config, first = form.config, form.searches[0]
    on = first.protocol().summary() if first.evaluation.own_space else first.data.dataset
    count = len(config.strategies)
    return f"{count} strateg{'y' if count == 1 else 'ies'} on {on}"[: Record._meta.get_field("name").max_length]


def _index(request, form: MatrixForm, refused: bool = False):
    ended = Count("searches", filter=Q(searches__state__in=Search.ENDED))
    rows = Record.objects.select_related("owner").annotate(searches_in_all=Count("searches"), ended=ended)
    rows = rows.order_by("-pk")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    for row in page:
        first = row.searches.order_by("pk").values_list("protocol_summary", flat=True).first()
        row.summary = first or "its searches are gone"
    context = {
        "section": "compare",
        "form": form,
        "bases": bases(request.user),
        "refused": refused,
        "rows": page,
        "first": next((one.id for one in form.fields.values() if one.error), ""),
    }
    return render(request, "compare/index.html", context)


@never_cache
def comparison(request, pk: int):
    return _page(request, get_object_or_404(Record, pk=pk))


def _chosen(request, record: Record | None) -> Comparison:
    """The searches of a comparison, or those named in the query. Raises Http404 where there is none."""
    rows = Search.objects.select_related("dataset").defer("strategy_state", "dataset__classes", "versions")
    if record is not None:
        rows = rows.filter(comparison=record)
    else:
        numbers = [int(text) for text in request.GET.getlist("search") if text.isdigit() and len(text) < 10]
        rows = rows.filter(pk__in=numbers[:MOST])
    found = Comparison(rows.order_by("pk"))
    if not found.searches:
        raise Http404("None of these searches is here. Choose some on the page of searches.")
    return found


def _page(request, record: Record | None):
    return render(request, "compare/compare.html", _context(request, record, _chosen(request, record)))


def _context(request, record: Record | None, found: Comparison) -> dict:
    drawn = {"trials": figures.curves(found.groups, "trials", found.value_words)}
    drawn["time"] = figures.curves(found.groups, "seconds", found.value_words)
    drawn |= {cost: figures.fronts(found.groups, cost) for cost in COSTS}
    drawn = {name: one for name, one in drawn.items() if one}
    return {
        "section": "compare",
        "record": record,
        "found": found,
        "title": record.name if record else f"{len(found.searches)} searches",
        "reading": reading(found),
        "figures": drawn,
        "figures_version": version_of(found.version),
        "costs": [(cost, label) for cost, label in COST_LABELS if cost in drawn],
        "operations": _operations(found),
        "under_way": sum(group.under_way for group in found.groups),
        "query": "" if record else request.GET.urlencode(),
        "version": version_of(found.version),
    }


COST_LABELS = (("macs", "MACs"), ("params", "Parameters"), ("latency", "Latency"))


def _operations(found: Comparison) -> list[tuple]:
    """(group, bar of the operations of its best cells, how many cells)."""
    top = found.top_cells
    rows = [
        (group, [cell for record in top.get(group.label, ()) for cell in cells_of(record)]) for group in found.groups
    ]
    return [(group, mix_bar(cells), len(top[group.label])) for group, cells in rows if cells]


def compare_live(request, pk: int = 0):
    """The page's parts, while anything changes."""
    record = get_object_or_404(Record, pk=pk) if pk else None
    found = _chosen(request, record)
    version = version_of(found.version)
    if request.GET.get("since") == version:
        return unchanged(version)
    return changed(request, "compare/_compare.html", _context(request, record, found), version, found.over)


@require_POST
def comparison_stop(request, pk: int):
    stopped = service.stop_comparison(get_object_or_404(Record, pk=pk))
    messages.success(request, f"{stopped} search{'' if stopped == 1 else 'es'} stopped. What they found stays.")
    return redirect("comparison", pk)


def compare_csv(request, pk: int = 0):
    """A line for every search."""
    record = get_object_or_404(Record, pk=pk) if pk else None
    found = _chosen(request, record)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in _rows(found):
        writer.writerow([harmless(json.dumps(row[name]) if name == "settings" else row[name]) for name in COLUMNS])
    return _download(out.getvalue(), "text/csv; charset=utf-8", record, "csv")


def compare_json(request, pk: int = 0):
    """Every search, every strategy's interval, every pair's test, and the reading."""
    record = get_object_or_404(Record, pk=pk) if pk else None
    found = _chosen(request, record)
    data = {
        "name": record.name if record else "",
        "protocol": found.protocol,
        "protocol_summary": found.summary,
        "measure": found.measure,
        "budgets": found.budgets,
        "reading": reading(found),
        "strategies": [_group_data(group) for group in found.groups],
        "pairs": [
            {
                "better": pair.better.label, "worse": pair.worse.label, "n": pair.test.n,
                "difference": pair.test.difference.mean, "difference_ci95": pair.test.difference.half,
                "p": pair.test.p, "p_holm": pair.p, "exact": pair.test.exact,
            }
            for pair in found.pairs
        ],
        "searches": _rows(found),
    }  # fmt: skip
    return _download(json.dumps(data, indent=2, ensure_ascii=False) + "\n", "application/json", record, "json")


def _group_data(group) -> dict:
    result = group.result
    return {
        "strategy": group.strategy,
        "label": group.label,
        "n": result.n if result else 0,
        "mean": result.mean if result else None,
        "ci95": result.half if result else None,
        "std": result.deviation if result else None,
        "trials": group.trials,
        "training_seconds": group.seconds,
    }


def _rows(found: Comparison) -> list[dict]:
    return [
        dict(
            zip(
                COLUMNS,
                (
                    run.search.strategy, run.search.config["strategy_config"], run.seed, run.search.pk, run.search.state,
                    len(run.points), len(run.points) - len(run.measured), run.seconds,
                    run.best.valid_accuracy if run.best else None, run.best.reward if run.best else None, run.final,
                    run.best.cell_id if run.best else None,
                ),
                strict=True,
            )
        )
        for group in found.groups
        for run in group.runs
    ]  # fmt: skip


def _download(text: str, content_type: str, record: Record | None, ending: str) -> HttpResponse:
    name = f"comparison-{record.pk}-{safe_name(record.name)}" if record else "comparison"
    return HttpResponse(
        text, content_type=content_type, headers={"Content-Disposition": attachment(f"{name}.{ending}")}
    )
