"""Full trainings, and the models they leave."""

from typing import Any

from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status
from ninja.pagination import paginate

from nas_engine.config import as_dict
from nas_engine.errors import ConfigError
from nas_engine.full_training import read_full_training
from nas_engine.full_training.presets import PRESETS
from nas_engine.search_config import with_changes
from webapp.api.acting import offer_actions
from webapp.api.answers import LINES, LineOut, Problems, State
from webapp.forms.training_starts import config_of
from webapp.models import FullTraining, StoredFile, TrainingRun
from webapp.results.named import named_cell
from webapp.services import trainings as service
from webapp.services.cells import keep
from webapp.services.models import bundle_path

router = Router(tags=["full trainings"])


class NewTraining(Schema):
    cell: str = Field(description="A published cell's name, the beginning of a cell's key, or a genotype as text")
    dataset: str
    preset: str = Field("quick", description=f"One of {', '.join(PRESETS)}")
    seeds: int = Field(1, ge=1)
    name: str = ""
    set: dict[str, Any] = Field({}, description='Dotted fields, such as {"schedule.epochs": 100}')


class RunOut(Schema):
    seed: int
    state: str
    epoch: int
    epochs: int
    valid_accuracy: float | None
    test_accuracy: float | None = Field(description="Share between 0 and 1, measured once, at the end")
    seconds: float | None
    error: str
    bundle: bool = Field(description="Whether GET …/seeds/{seed}/bundle.zip has the model")


class TrainingOut(Schema):
    id: int
    name: str
    state: str
    reason: str
    cell: str = Field(alias="cell_id")
    dataset: str = Field(alias="dataset.slug")
    protocol: str
    protocol_summary: str
    params: int | None
    macs: int | None
    test_mean: float | None
    test_std: float | None = Field(description="Sample standard deviation over seeds; null for one")


class TrainingDetail(TrainingOut):
    config: dict[str, Any]
    seeds: list[RunOut]


def _trainings():
    return FullTraining.objects.select_related("dataset").defer("dataset__classes", "versions")


def _detail(pk: int) -> FullTraining:
    training = get_object_or_404(_trainings(), pk=pk)
    bundles = StoredFile.objects.filter(run__training=pk, kind=StoredFile.Kind.BUNDLE)
    packed = set(bundles.values_list("run", flat=True))
    training.seeds = list(training.runs.defer("curve", "progress").order_by("seed"))
    for run in training.seeds:
        run.bundle = run.pk in packed
    return training


@router.get("", response=list[TrainingOut], summary="Full trainings, newest first")
@paginate
def list_trainings(request, state: State | None = None):
    rows = _trainings().order_by("-pk")
    return rows.filter(state=state) if state else rows


@router.post("", response={201: TrainingDetail, 422: Problems}, summary="Train a cell fully")
def start_training(request, wanted: NewTraining):
    if wanted.preset not in PRESETS:
        raise ConfigError(f"There is no preset {wanted.preset}. Choose one of {', '.join(PRESETS)}.", "preset")
    _, cells, _ = named_cell(wanted.cell)
    record = keep(cells)
    data = as_dict(config_of(wanted.preset, record, wanted.dataset, None))
    changes = wanted.set | {"data.dataset": wanted.dataset, "seeds": wanted.seeds}
    changes |= {"name": wanted.name} if wanted.name else {}
    training = service.create_training(record, read_full_training(with_changes(data, changes)), request.user)
    return Status(201, _detail(training.pk))


@router.get("/{pk}", response=TrainingDetail, summary="One full training and its seeds")
def show_training(request, pk: int):
    return _detail(pk)


offer_actions(
    router,
    "training",
    _detail,
    TrainingDetail,
    {
        "pause": (service.pause_training, "Pause at the last epoch"),
        "resume": (service.resume_training, "Go on from the last epoch"),
        "stop": (service.stop_training, "End it, keeping finished seeds"),
    },
)


@router.get("/{pk}/seeds/{seed}/curve", response=list[dict[str, Any]], summary="A seed's curve, one object an epoch")
def show_curve(request, pk: int, seed: int):
    return get_object_or_404(TrainingRun, training=pk, seed=seed).curve


@router.get("/{pk}/log", response=list[LineOut], summary=f"Its log, oldest first, {LINES} lines at a time")
def show_log(request, pk: int, after: int = 0):
    return get_object_or_404(FullTraining.objects.only("pk"), pk=pk).log.filter(pk__gt=after).order_by("pk")[:LINES]


@router.get("/{pk}/seeds/{seed}/bundle.zip", summary="The trained model: weights, ONNX, model.py, card, checksums")
def download_bundle(request, pk: int, seed: int):
    row = StoredFile.objects.filter(run__training=pk, run__seed=seed, kind=StoredFile.Kind.BUNDLE).first()
    if row is None:
        raise Http404("This seed has left no model, or not yet.")
    return FileResponse(bundle_path(row).open("rb"), as_attachment=True, filename=f"training-{pk}-seed-{seed}.zip")
