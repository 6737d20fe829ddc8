"""Setting up a search: the form, its live side panel, and starting a preset at once."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.evaluators.settings import StandaloneConfig
from nas_engine.reward import COSTS
from nas_engine.search_presets import SEARCHES
from webapp.diagrams import layout
from webapp.figures.new_search import spread
from webapp.forms.estimate import estimate
from webapp.forms.formula import UNITS, formula
from webapp.forms.preview import Preview
from webapp.forms.search import NAME_LENGTH, SearchForm
from webapp.forms.starts import FIRST, config_of, starts
from webapp.forms.workers import live_trainers
from webapp.models import Dataset
from webapp.services import cost_previews
from webapp.services.searches import create_search
from webapp.views.training_new import cost_version

SECTIONS = (
    ("start", "Start from"), ("evaluation", "Evaluation"), ("data", "Data"), ("space", "Search space"),
    ("network", "Child network"), ("strategy", "Strategy"), ("reward", "Reward"), ("limits", "Limits"), ("budget", "Budget"),
)  # fmt: skip


@never_cache
def search_new(request):
    """GET ``?preset=slug`` or ``?clone=id`` shows the form, with ``?dataset=slug`` for that data set; POST creates the
    search, or shows what is wrong with it.

    A POST with ``preview`` in it, or with another start than the form's values are based on, only fills the form in.
    """
    if request.method != "POST":
        clone = request.GET.get("clone")
        slug = f"search-{clone}" if clone else request.GET.get("preset", FIRST)
        form = SearchForm.from_config(config_of(slug))
        mine = {"data.dataset": request.GET["dataset"]} if "dataset" in request.GET else {}
        if clone:
            mine["name"] = f"{form.fields['name'].typed}, again"[:NAME_LENGTH]
        return _page(request, SearchForm(form.typed | mine), slug)
    form, slug, kept, switched = _posted(request)
    _ask_cost(request, form)
    if switched or {"preview", "draw_next", "time"} & request.POST.keys():
        return _page(request, form, slug, kept=kept, switched=switched)
    if form.config:
        try:
            search = create_search(form.config, request.user)
        except ConfigError as error:
            form.add_problems(error.problems)
        else:
            messages.success(request, "Search started")
            return redirect("search", search.pk)
    return _page(request, form, slug, refused=True)


@require_POST
def search_preview(request):
    """What the form's page shows beside its inputs, as elements to put in place; the whole form when the start changed."""
    form, slug, kept, switched = _posted(request)
    _ask_cost(request, form)
    context = _context(request, form, slug, kept=kept, switched=switched)
    response = render(request, "searches/_form.html" if switched else "searches/_preview.html", context)
    response["X-Switched"] = "1" if switched else "0"
    return response


@require_POST
def preset_start(request, slug):
    """Start a preset as it is. If it cannot be started, show it in the form with what is missing."""
    if slug not in SEARCHES:
        return HttpResponse(status=404)
    try:
        search = create_search(config_of(slug), request.user)
    except ConfigError as error:
        messages.error(request, f"{SEARCHES[slug].label} was not started: {'; '.join(error.problems.values())}")
        return redirect(f"{reverse('search-new')}?preset={slug}")
    messages.success(request, "Search started")
    return redirect("search", search.pk)


def _posted(request) -> tuple[SearchForm, str, list, bool]:
    """The posted form, after a switch to another start if there was one: (form, start, kept fields, switched)."""
    form = SearchForm.from_post(request.POST)
    based_on = request.POST.get("based_on", FIRST)
    slug = request.POST.get("start", based_on)
    if slug == based_on:
        return form, slug, [], False
    old, new = (SearchForm.from_config(config_of(one)) for one in (based_on, slug))
    form, kept = form.switched(old, new)
    return form, slug, kept, True


def _draw(request) -> int:
    number = request.POST.get("draw_next") or request.POST.get("draw", "0")
    return int(number) if number.isdigit() and len(number) < 10 else 0


def _page(request, form: SearchForm, slug: str, **more):
    return render(request, "searches/new.html", _context(request, form, slug, **more))


def _context(request, form: SearchForm, slug: str, *, kept=(), switched=False, refused=False) -> dict:
    config = form.config
    preview = Preview(form, _draw(request))
    _add_hints(form)
    datasets = list(Dataset.objects.filter(state=Dataset.State.READY).defer("source"))
    goal = form.fields["reward.goal"].typed
    return {
        "section": "searches",
        "form": form,
        "start": slug,
        "starts": starts(request.user, slug),
        "start_label": SEARCHES[slug].label if slug in SEARCHES else "",
        "kept": kept,
        "switched": switched,
        "refused": refused,
        "first": form.first_problem if refused else "",
        "toc": [(*one, form.of_table and one[0] in ("data", "space", "network")) for one in SECTIONS],
        "datasets": datasets,
        "dataset_known": form.fields["data.dataset"].typed in {one.slug for one in datasets},
        "preview": preview,
        "next_draw": preview.draw + 1,
        "operation_macs": preview.operation_macs,
        "op_frame": _op_frame(preview),
        "formula": formula(form.data.get("reward", {})),
        "cost_word": COSTS.get(goal, ""),
        "target_unit": {"macs": "M MACs", "params": "M parameters"}.get(goal, UNITS.get(goal, "")),
        "spread": _spread(form, preview),
        "sample": {cell.kind: layout(cell) for cell in preview.cells} if preview.space else None,
        "kept_weights": None if form.of_table else preview.kept_weights,
        **_time(form, config, preview),
        **_supernet_cost(form, config),
    }


def _ask_cost(request, form: SearchForm) -> None:
    """Have a worker time the supernet, if that was pressed."""
    if "time" in request.POST and form.config and form.shares_weights:
        cost_previews.ask_supernet(form.config, form.dataset)


def _supernet_cost(form: SearchForm, config) -> dict:
    """What a worker timed of the supernet, if it was asked."""
    if config is None or not form.shares_weights:
        return {}
    cost = cost_previews.known_supernet(config, form.dataset)
    return {"shares_weights": True, "cost": cost, "version": cost_version(cost)}


def _op_frame(preview: Preview) -> str:
    if preview.frame is None:
        return ""
    _, height, width = preview.frame.image_shape
    return f"MACs at F = {preview.frame.skeleton.filters}, {height} × {width}"


def _spread(form: SearchForm, preview: Preview) -> dict | None:
    if not preview.costs:
        return None
    goal = form.fields["reward.goal"].typed
    target = form.data.get("reward", {}).get("target")
    steered = goal in ("macs", "params") and isinstance(target, (int, float))
    return spread(preview.costs, goal if goal == "params" else "macs", target if steered else 0)


def _time(form: SearchForm, config, preview: Preview) -> dict:
    """The estimate of a trial and of the whole search; nothing while the form is not valid."""
    if config is None or not preview.costs or preview.table:
        return {"estimate": None, "settled": config is not None}
    found = estimate(config, form.dataset, preview.mean_macs)
    at_once = min(config.budget.parallelism, live_trainers() or config.budget.parallelism)
    total = found.total(config.budget.trials, at_once) if found else None
    limit = config.budget.hours * 3600
    return {
        "estimate": found,
        "settled": True,
        "at_once": at_once,
        "total": min(total, limit) if total and limit else total,
        "cut": bool(total and limit and total > limit),
        "trials": config.budget.trials,
    }


def _add_hints(form: SearchForm) -> None:
    """Advice that does not keep a search from starting."""
    _add_rungs(form)
    field, alive = form.fields["budget.parallelism"], live_trainers()
    if field.error or not field.typed.strip().isdigit():
        return
    if alive == 0:
        field.hint = "No train worker is alive. Trials wait until one is started."
    elif int(field.typed) > alive:
        workers = "1 train worker is" if alive == 1 else f"{alive} train workers are"
        field.hint = f"{workers} alive; more than {alive} at once will wait for each other."


def _add_rungs(form: SearchForm) -> None:
    """After which epochs successive halving would judge the children."""
    if form.config is None or form.config.evaluator != "standalone":
        return
    epochs = form.config.training.epochs
    found = [str(at) for at in read(StandaloneConfig, form.config.evaluator_config).rungs(epochs)]
    if found:
        where = " and ".join(filter(None, (", ".join(found[:-1]), found[-1])))
        form.fields["evaluator_config.standalone.minimum_epochs"].follows = f"Rungs after {where} of {epochs} epochs."
