"""Trained models: full trainings of which at least one seed is done."""

from django.db.models import Max, Q, QuerySet, Sum

from webapp.models import FullTraining, StoredFile, TrainingRun


def trained(q: str = "", dataset: str = "") -> QuerySet[FullTraining]:
    """The newest first; ``q`` is part of a cell's name or the beginning of its hash, or part of the training's name."""
    rows = FullTraining.objects.filter(test_mean__isnull=False).select_related("cell", "dataset", "owner")
    if dataset:
        rows = rows.filter(dataset__slug=dataset)
    if q:
        rows = rows.filter(Q(name__icontains=q) | Q(cell__name__icontains=q) | Q(cell__key__startswith=q.lower()))
    return rows.order_by("-pk")


def with_files(trainings: list[FullTraining]) -> list[FullTraining]:
    """The same rows with ``done``, their finished runs, each with its ``bundle``."""
    runs = TrainingRun.objects.filter(training__in=trainings, state=TrainingRun.State.FINISHED)
    runs = list(runs.defer("curve", "progress").order_by("seed"))
    files = StoredFile.objects.filter(run__in=runs, kind=StoredFile.Kind.BUNDLE)
    bundles = {one.run_id: one for one in files}
    by_training: dict[int, list[TrainingRun]] = {}
    for run in runs:
        run.bundle = bundles.get(run.pk)
        if run.bundle:
            by_training.setdefault(run.training_id, []).append(run)
    for training in trainings:
        training.done = by_training.get(training.pk, [])
    return trainings


def under_way(failed: bool = False) -> list[FullTraining]:
    """Trainings that are not over, and with ``failed`` those that failed without a model; epochs ``done`` of ``total``."""
    wanted = Q(state__in=(*FullTraining.ACTIVE, FullTraining.State.PAUSED))
    if failed:
        wanted |= Q(state=FullTraining.State.FAILED, test_mean=None)
    rows = FullTraining.objects.filter(wanted)
    rows = rows.select_related("cell", "dataset").annotate(done=Sum("runs__epoch"), total=Sum("runs__epochs"))
    return list(rows.order_by("-pk")[:20])


def version() -> str:
    """Changes with everything the list shows."""
    found = FullTraining.objects.aggregate(last=Max("pk"), versions=Sum("version"))
    return f"{found['last'] or 0}.{found['versions'] or 0}"
