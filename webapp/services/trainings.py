"""What people do with full trainings: start, pause, resume, stop, try again, and ask what one would cost."""

import hashlib
import json
import secrets
from dataclasses import replace

from django.db import transaction

from nas_engine.blueprint import Blueprint, build_blueprint
from nas_engine.config import as_dict
from nas_engine.errors import ConfigError
from nas_engine.full_training import FullTrainingConfig, fitted
from nas_engine.full_training.fit import describe_fit, shape_seen
from nas_engine.graph_cell import AnyCell, read_cells
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_config import skeleton_fields
from tasks import clock, full_recording, messages
from tasks.full_recording import changing, say
from webapp.models import CellRecord, CostPreview, Dataset, FullTraining, StoredFile, TrainingRun, Trial
from webapp.services import cost_previews
from webapp.services.searches import ready_dataset, versions

State = FullTraining.State
# What the builder calls a field of this configuration.
FIELDS = {"image_shape": "data.image_size", "classes": "data.dataset", "aux": "regularisation.aux_weight"}
OF_FULL_SIZE = {"params", "macs"}  # what a network can be fitted to before it is built


def create_training(record: CellRecord, config: FullTrainingConfig, owner, source: Trial | None = None) -> FullTraining:
    """Store a full training and send its runs once the transaction is through.

    Raises ConfigError for a data set that is not there or not ready, and for a network that cannot be built or fitted.
    """
    dataset = ready_dataset(config.data.dataset)
    name = config.name or f"{record} on {dataset.title}"
    with transaction.atomic():
        training = FullTraining.objects.create(
            name=name,
            owner=owner,
            cell=record,
            dataset=dataset,
            source=source,
            config=as_dict(replace(config, name=name)),
            versions=versions(),
            **_settled(record, config, dataset),
        )
        for seed in config.all_seeds:
            fields = {"token": secrets.token_hex(16), "epochs": config.schedule.epochs, "sent": clock.now()}
            run = TrainingRun.objects.create(training=training, seed=seed, **fields)
            messages.after_commit(messages.train_fully, run.pk, run.attempt)
        seeds = f"{config.seeds} seeds" if config.seeds > 1 else f"seed {config.seed}"
        with changing(training.pk) as row:
            say(row, f"full training started: {row.protocol_summary}, {seeds}")
    return training


def _settled(record: CellRecord, config: FullTrainingConfig, dataset: Dataset) -> dict:
    """What is known of the network before it is trained; a limit in milliseconds is for a worker to settle."""
    chosen, blueprint = buildable(record, config, dataset)
    if chosen.fit.measure != "none":
        return {"protocol_summary": f"{chosen.summary()}, {describe_fit(chosen.fit)}"}
    return {
        "settled": as_dict(chosen),
        "protocol": chosen.fingerprint(dataset.fingerprint),
        "protocol_summary": chosen.summary(),
        "params": blueprint.params,
        "macs": blueprint.macs,
    }


def trainable(record: CellRecord) -> tuple[AnyCell, ...]:
    """The record's cells. Raises ConfigError under "cell" if no network is built from them."""
    cells = read_cells(record.cells)
    if not all(cell.family for cell in cells):
        raise ConfigError("This cell is known from a table alone; no network is built from it.", "cell")
    return cells


def check_stackable(record: CellRecord, skeleton: SkeletonConfig) -> None:
    """Raises ConfigError, at "skeleton.filters", where cells that are stacked are given an odd number of filters."""
    if any("blocks" in cell for cell in record.cells):
        skeleton.check_stackable()


def buildable(record: CellRecord, config: FullTrainingConfig, dataset: Dataset) -> tuple[FullTrainingConfig, Blueprint]:
    """(the configuration with N and F chosen where that needs no measuring, its network on paper). Raises ConfigError."""
    cells = trainable(record)
    check_stackable(record, config.skeleton)
    read = skeleton_fields(cells[0].family)
    config = replace(config, skeleton=config.skeleton.only(read))
    if config.fit.measure != "none" and read is not None and "filters" not in read:
        raise ConfigError("These cells are the whole network, which has one size. Take it as it is.", "fit.measure")
    try:
        if config.fit.measure in OF_FULL_SIZE:
            config = fitted(config, cells, dataset.image_shape, len(dataset.classes))
        shape = shape_seen(config, dataset.image_shape)
        aux = bool(config.regularisation.aux_weight)
        return config, build_blueprint(cells, config.skeleton, shape, len(dataset.classes), aux=aux)
    except ConfigError as error:
        raise ConfigError({FIELDS.get(name, name): text for name, text in error.problems.items()}) from None


def pause_training(training: FullTraining) -> None:
    """Let nothing new start and have seeds in training put back with their checkpoints. Raises ConfigError if it is not
    running."""
    with changing(training.pk) as row:
        if row.state not in FullTraining.ACTIVE:
            raise ConfigError(f"The training is {row.state}: there is nothing to pause.")
        _move(row, State.PAUSED, "training paused; each seed goes on from its last epoch when it is resumed")


def resume_training(training: FullTraining) -> None:
    """Go on with a paused training. Raises ConfigError if it is not paused."""
    with changing(training.pk) as row:
        if row.state != State.PAUSED:
            raise ConfigError(f"The training is {row.state}: only a paused one can be resumed.")
        _move(row, State.QUEUED, "training resumed")
        _send(row)


def stop_training(training: FullTraining) -> None:
    """End it, keeping the models of the seeds that are done. Raises ConfigError if it has ended already."""
    with changing(training.pk) as row:
        if row.state in FullTraining.ENDED:
            raise ConfigError(f"The training is {row.state} already.")
        now = clock.now()
        row.runs.filter(state__in=TrainingRun.OPEN).update(state=TrainingRun.State.STOPPED, ended=now, progress={})
        done = row.runs.filter(state=TrainingRun.State.FINISHED).count()
        reason = f"Stopped by hand with {done} seed{'' if done == 1 else 's'} done."
        FullTraining.objects.filter(pk=row.pk).update(reason=reason, ended=now)
        _move(row, State.STOPPED, "training stopped")


def retry_runs(training: FullTraining, fresh: bool = False) -> int:
    """Take up the seeds that failed or were stopped, from their last checkpoints, or with ``fresh`` from nothing; returns
    how many. Raises ConfigError if there are none."""
    with changing(training.pk) as row:
        wanted = (TrainingRun.State.FAILED, TrainingRun.State.STOPPED)
        runs = list(row.runs.filter(state__in=wanted))
        if not runs:
            raise ConfigError("No seed of this training failed or was stopped.")
        for run in runs:
            _queue_again(run, fresh)
        halted = row.state == State.PAUSED
        if not halted:
            FullTraining.objects.filter(pk=row.pk).update(ended=None, reason="")
            _move(row, State.QUEUED, f"{_seeds(runs)} tried again{' from nothing' if fresh else ''}")
            _send(row)
    return len(runs)


def remove_training(training: FullTraining) -> None:
    """Delete it with its models and checkpoints. Raises ConfigError while it is under way."""
    with changing(training.pk) as row:
        if row.state not in FullTraining.ENDED:
            raise ConfigError(f"The training is {row.state}. Stop it first.")
        row.delete()


def request_preview(record: CellRecord, config: FullTrainingConfig) -> CostPreview:
    """Have a worker time a few steps of this training; one that was timed today is returned as it is. Raises ConfigError."""
    dataset = ready_dataset(config.data.dataset)
    config, _ = buildable(record, config, dataset)
    key, plain = _preview_key(record, config, dataset)
    return cost_previews.ask(key, record, dataset, plain)


def known_preview(record: CellRecord, config: FullTrainingConfig, dataset: Dataset) -> CostPreview | None:
    """What was timed today, or is being timed, of a training whose N and F are chosen."""
    return CostPreview.objects.filter(key=_preview_key(record, config, dataset)[0]).first()


def _preview_key(record: CellRecord, config: FullTrainingConfig, dataset: Dataset) -> tuple[str, dict]:
    """(what equal questions have in common, the configuration to time)."""
    plain = as_dict(replace(config, name="", seeds=1, seed=0))
    asked = json.dumps([record.key, dataset.fingerprint, plain], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest(), plain


def _queue_again(run: TrainingRun, fresh: bool) -> None:
    changes = {
        "state": TrainingRun.State.QUEUED,
        "attempt": full_recording.next_round(run.attempt),
        "sent": clock.now(),
    }
    changes |= {"worker": "", "error": "", "advice": "", "ended": None, "progress": {}}
    if fresh:
        changes |= {"token": secrets.token_hex(16), "epoch": 0, "curve": [], "checkpoint_host": "", "started": None}
        changes |= {"checkpointed": None}
        StoredFile.objects.filter(run=run, kind=StoredFile.Kind.CHECKPOINT).delete()
    TrainingRun.objects.filter(pk=run.pk).update(**changes)


def _seeds(runs: list[TrainingRun]) -> str:
    return f"seed {runs[0].seed} is" if len(runs) == 1 else f"{len(runs)} seeds are"


def _move(training: FullTraining, state: str, text: str) -> None:
    FullTraining.objects.filter(pk=training.pk).update(state=state)
    say(training, text)


def _send(training: FullTraining) -> None:
    queued = training.runs.filter(state=TrainingRun.State.QUEUED)
    queued.update(sent=clock.now())
    for pk, attempt in queued.order_by("seed").values_list("pk", "attempt"):
        messages.after_commit(messages.train_fully, pk, attempt)
