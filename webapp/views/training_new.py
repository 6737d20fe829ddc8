"""Starting a full training: the form with its exact costs on paper, and a preview timed by a worker."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from webapp.forms.training import NAME_LENGTH, Network, TrainingForm
from webapp.forms.training_starts import FIRST, config_of, first_dataset, starts
from webapp.forms.workers import live_trainers
from webapp.models import CellRecord, CostPreview, Dataset, Trial
from webapp.results.cell import find_cell
from webapp.services import trainings as service
from webapp.views.polling import fragment, version_of

SECTIONS = (
    ("start", "Start from"), ("data", "Data"), ("network", "Network"), ("schedule", "Schedule"),
    ("images", "Augmentation"), ("machine", "Machine and seeds"),
)  # fmt: skip


@never_cache
def training_new(request):
    """GET ``?cell=key`` shows the form (``&trial=id``: as that trial found it; ``&dataset=slug``, ``&preset=slug``,
    ``&clone=training``); POST starts the training, or shows what is wrong. A POST with ``preview`` or ``time`` in it, or
    with another start or data set than the form's values are based on, only fills the form in."""
    if request.method != "POST":
        return _page(request, *_asked(request))
    record, source = _cell(request.POST)
    form, slug, kept, switched = _posted(request, record, source)
    shown = {"kept": kept, "switched": switched}
    if "time" in request.POST:
        shown["refused"] = _time(form, record) is None
        return _page(request, form, slug, record, source, **shown)
    if switched or "preview" in request.POST:
        return _page(request, form, slug, record, source, **shown)
    if form.config:
        try:
            training = service.create_training(record, form.config, request.user, source)
        except ConfigError as error:
            form.add_problems(error.problems)
        else:
            messages.success(request, "Full training started")
            return redirect("training", training.pk)
    return _page(request, form, slug, record, source, refused=True)


@require_POST
def training_preview(request):
    """What the form's page shows beside its inputs, as elements to put in place; the whole form when the start changed."""
    record, source = _cell(request.POST)
    form, slug, kept, switched = _posted(request, record, source)
    if "time" in request.POST:
        _time(form, record)
    context = _context(form, slug, record, source, kept=kept, switched=switched)
    response = render(request, "trainings/_form.html" if switched else "trainings/_preview.html", context)
    response["X-Switched"] = "1" if switched else "0"
    return response


def cost_live(request, pk: int):
    """The timed preview, for live.js; 286 once it is there."""
    cost = get_object_or_404(CostPreview, pk=pk)
    response = fragment(request, "trainings/_cost.html", {"cost": cost, "version": cost_version(cost)})
    if cost.state not in (CostPreview.State.QUEUED, CostPreview.State.RUNNING) and response.status_code == 200:
        response.status_code = 286
    return response


def cost_version(cost: CostPreview | None) -> str:
    return version_of([cost.state, cost.attempt, cost.error] if cost else None)


def _asked(request) -> tuple:
    """(form, start, cell, trial) of a link to the form."""
    record, source = _cell(request.GET)
    clone = request.GET.get("clone")
    slug = f"training-{clone}" if clone else request.GET.get("preset", FIRST)
    dataset = request.GET.get("dataset") or ("" if clone else first_dataset(source))
    form = TrainingForm.from_config(config_of(slug, record, dataset, source))
    if clone:
        name = f"{form.fields['name'].typed}, again"[:NAME_LENGTH]
        form = TrainingForm(form.typed | {"name": name})
    return form, slug, record, source


def _cell(data) -> tuple[CellRecord, Trial | None]:
    """(the cell to train, the trial it is taken from: the one named, else the latest). Raises Http404."""
    record, _ = find_cell(data.get("cell", ""))
    if record is None:
        raise Http404("Say which cell to train: open its page and press Train fully there.")
    try:
        service.trainable(record)
    except ConfigError as error:
        raise Http404(error.problems["cell"]) from None
    number = data.get("trial", "")
    trials = Trial.objects.filter(cell=record.key, state=Trial.State.FINISHED, search__dataset__isnull=False)
    trials = trials.select_related("search__dataset").defer("search__strategy_state", "curve").order_by("-pk")
    named = trials.filter(pk=int(number)).first() if number.isdigit() and len(number) < 15 else None
    return record, named or trials.first()


def _posted(request, record: CellRecord, source: Trial | None) -> tuple[TrainingForm, str, list, bool]:
    """The posted form, after a switch to another start or data set if there was one: (form, start, kept, switched)."""
    form, post = TrainingForm.from_post(request.POST), request.POST
    based_on, before = post.get("based_on", FIRST), post.get("based_dataset", "")
    slug, dataset = post.get("start", based_on), form.fields["data.dataset"].typed
    if (slug, dataset) == (based_on, before):
        return form, slug, [], False
    configs = (config_of(based_on, record, before, source), config_of(slug, record, dataset, source))
    form, kept = form.switched(*map(TrainingForm.from_config, configs))
    return form, slug, [one for one in kept if one.name != "data.dataset"], True


def _time(form: TrainingForm, record: CellRecord) -> CostPreview | None:
    if form.config is None:
        return None
    try:
        return service.request_preview(record, form.config)
    except ConfigError as error:
        form.add_problems(error.problems)
        return None


def _page(request, form: TrainingForm, slug: str, record: CellRecord, source: Trial | None, **more):
    return render(request, "trainings/new.html", _context(form, slug, record, source, **more))


def _context(
    form: TrainingForm, slug: str, record: CellRecord, source: Trial | None, *, kept=(), switched=False, refused=False
) -> dict:
    form.read_by(record)
    network = Network(form, record)
    datasets = list(Dataset.objects.filter(state=Dataset.State.READY).defer("source", "classes"))
    cost = service.known_preview(record, network.config, form.dataset) if network.blueprint else None
    return {
        "section": "models",
        "form": form,
        "record": record,
        "source": source,
        "start": slug,
        "starts": starts(slug),
        "kept": kept,
        "switched": switched,
        "refused": refused,
        "first": form.first_problem if refused else "",
        "toc": SECTIONS,
        "datasets": datasets,
        "dataset_known": form.fields["data.dataset"].typed in {one.slug for one in datasets},
        "network": network,
        "cost": cost,
        "version": cost_version(cost),
        "trainers": live_trainers(),
    }
