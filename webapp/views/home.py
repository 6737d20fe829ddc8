"""The first page: what runs, how to start, what came out."""

from django.shortcuts import render

from nas_engine import zoo
from nas_engine.datasets import TORCHVISION_SETS
from nas_engine.operations import FAMILIES
from nas_engine.presets import PRESETS
from webapp.diagrams import thumbnail
from webapp.models import Dataset, Search
from webapp.results import models as trained
from webapp.results import overview
from webapp.templatetags.parts import duration
from webapp.views import workers
from webapp.views.polling import fragment, version_of

NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")
DEMO = "laptop-demo"


def home(request):
    return render(request, "home/home.html", _shown(request))


def home_live(request):
    """The same, asked for again and again: the queries behind the page run only if something has changed."""
    version = _version()
    if request.GET.get("since") == version:
        return fragment(request, "", {"version": version})
    return fragment(request, "home/_now.html", _shown(request))


def _version() -> str:
    searches = list(Search.objects.values_list("pk", "state", "version"))
    datasets = list(Dataset.objects.values_list("pk", "state"))
    return version_of([searches, trained.version(), datasets, workers.shown()["standing"]])


def _shown(request) -> dict:
    version = _version()  # before the queries: a change during them shows at the next poll
    running = overview.under_way()
    first_run = not Search.objects.exists()
    return {
        "section": "home",
        "version": version,
        "title": _title(running, first_run),
        "lede": "" if first_run else _lede(running),
        "first_run": first_run,
        "tour": "tour" in request.GET or (first_run and "tour" not in request.COOKIES),
        "searches": running,
        "under_way": trained.under_way(),
        "paused": Search.objects.filter(state=Search.State.PAUSED).defer("strategy_state").order_by("-pk")[:5],
        "best": overview.best_cells(request.GET.get("protocol", "")),
        "events": overview.lately(),
        "presets": _presets(),
        "demo": DEMO,
        "demo_training": PRESETS[DEMO].data["training"],
        "demo_skeleton": PRESETS[DEMO].data["skeleton"],
        "storage": overview.storage(),
        "example": thumbnail(zoo.get("nasnet-a").cells[0], 148, 84) if first_run else None,
        "families": [(name, label) for name, label in FAMILIES.items() if name != "none"],
        **{name: value for name, value in workers.shown().items() if name not in ("section", "version", "standing")},
    }


def _presets() -> list[dict]:
    """Each preset and its data set, if that is here: it can be started only when that is ready."""
    states = dict(Dataset.objects.values_list("slug", "state"))
    rows = []
    for slug, preset in PRESETS.items():
        needed = preset.data["data"]["dataset"]
        title = TORCHVISION_SETS[needed].title if needed in TORCHVISION_SETS else needed
        rows.append({"slug": slug, "preset": preset, "needs": title, "state": states.get(needed, "absent")})
    return rows


def _title(running: list, first_run: bool) -> str:
    if first_run:
        return "Welcome to Nasturtium"
    count = len(running)
    number = NUMBERS[count] if count < len(NUMBERS) else str(count)
    return f"{number} search{'es' if count != 1 else ''} running"


def _lede(running: list) -> str:
    timed = [row for row in running if row.left is not None]
    if not timed:
        return "Start one from a preset, or set one up." if not running else "The first trials are under way."
    soonest = min(timed, key=lambda row: row.left)
    if soonest.left < 60:
        return f"{soonest.search.name} finishes within a minute."
    return f"{soonest.search.name} finishes in about {duration(soonest.left)}."
