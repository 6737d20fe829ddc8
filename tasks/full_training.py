"""Full training: one long task for each seed, which goes on from its last checkpoint wherever it is taken up again."""

import contextlib
import dataclasses
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from django.db import DatabaseError, connection

from nas_engine.config import as_dict
from nas_engine.errors import ConfigError, EvaluationFailed, SearchCancelled
from nas_engine.full_training import FullTrainingConfig, fitted, read_full_training
from nas_engine.full_training.fit import shape_seen
from nas_engine.graph_cell import AnyCell, read_cells
from tasks import cost_previews, full_recording, workers
from tasks.app import STOP, app
from tasks.checkpoints import Checkpoint
from tasks.datasets import local_folder
from tasks.patience import patiently
from tasks.supernet import supernet_cost
from tasks.train import REPORT_SECONDS, torch_device
from tasks.wording import percent
from tasks.workers import Job
from webapp.models import CostPreview, FullTraining, TrainingRun

log = logging.getLogger(__name__)
RETRY = "Correct the cause, then go on from the last checkpoint; or start over with other settings."


@app.task(name="tasks.full_training.train_run")
def train_run(run_id: int, attempt: int) -> None:
    """Train one attempt of a run. Does nothing if the attempt is not (or no longer) to be trained."""
    run = full_recording.claim(run_id, attempt, workers.name(), workers.device())
    if run is None:
        return
    with Job(run, f"seed {run.seed} of {run.training.name}", training_id=run.training_id) as job:
        journal = Journal(run)
        try:
            _train(run, journal, job)
        except SearchCancelled:
            journal.keep()
            patiently(full_recording.put_back, run, "its worker is ending" if STOP.is_set() else "it was paused")
        except EvaluationFailed as error:
            patiently(full_recording.fail, run, error.reason, error.advice)
        except ConfigError as error:
            patiently(full_recording.fail, run, str(error), RETRY)
        except DatabaseError:
            raise  # the run’s heartbeat runs out and the sweeper queues it again
        except Exception as error:
            log.exception("%s broke down", run)
            text = f"{type(error).__name__}: {error}"
            patiently(full_recording.fail, run, text, "The worker’s log holds the full trace.")


@app.task(name="tasks.full_training.preview_cost")
def preview_cost(preview_id: int, attempt: int) -> None:
    """Time a few steps of a full training, or of a supernet, for somebody who thinks of starting it."""
    preview = cost_previews.claim(preview_id, attempt, workers.name())
    if preview is None:
        return
    with Job(preview, f"cost of a training on {preview.dataset.title}") as job:
        try:
            time_it = _timed_training if preview.cell_id else supernet_cost
            cost_previews.finish(preview, time_it(preview, local_folder(preview.dataset), job.cancelled))
        except SearchCancelled:
            cost_previews.put_back(preview)
        except (EvaluationFailed, ConfigError) as error:
            cost_previews.fail(preview, str(error))
        except DatabaseError:
            raise
        except Exception as error:
            log.exception("The %s could not be timed", preview)
            cost_previews.fail(preview, f"{type(error).__name__}: {error}. The worker’s log holds the full trace.")


def _timed_training(preview: CostPreview, folder: Path, cancelled: Callable[[], bool]) -> dict:
    found = estimate(cells_of(preview.cell), read_full_training(preview.config), folder, cancelled)
    return {**vars(found), "config": as_dict(found.config), "notes": list(found.notes)}


def _train(run: TrainingRun, journal: "Journal", job: Job) -> None:
    training = run.training
    folder = local_folder(training.dataset)
    config = _settled(run, folder)
    if config.fingerprint(training.dataset.fingerprint) != training.protocol:
        raise EvaluationFailed(
            "the data set or the training code changed since this training began",
            "Start it again: its numbers would not be comparable.",
        )
    full_recording.begin(run, workers.host(), journal.checkpoint.prepare())
    outcome = train(cells_of(training.cell), config, folder, run.seed, journal, job.cancelled)
    with tempfile.TemporaryFile() as bundle:
        write(outcome, training, bundle, journal.log)
        if patiently(full_recording.finish, run, numbers(outcome), outcome.curve, bundle):
            journal.checkpoint.delete()


def _settled(run: TrainingRun, folder: Path) -> FullTrainingConfig:
    """The configuration with N and F chosen. A limit in milliseconds is settled here, by the first worker, for all seeds."""
    training = run.training
    config = read_full_training(training.settled or training.config)
    if config.fit.measure == "none":
        return config
    data, cells = training.dataset, cells_of(training.cell)
    config = fitted(config, cells, data.image_shape, len(data.classes), latency_of(torch_device()))
    blueprint = _blueprint(cells, config, training)
    about = (config.fingerprint(data.fingerprint), config.summary(), blueprint.params, blueprint.macs)
    held = patiently(full_recording.settle, run, as_dict(config), *about)
    if held is None:
        raise SearchCancelled  # the training was deleted
    training.protocol = FullTraining.objects.values_list("protocol", flat=True).get(pk=training.pk)
    return read_full_training(held)


def _blueprint(cells: tuple[AnyCell, ...], config: FullTrainingConfig, training: FullTraining):
    from nas_engine.blueprint import build_blueprint

    shape = shape_seen(config, training.dataset.image_shape)
    return build_blueprint(cells, config.skeleton, shape, len(training.dataset.classes))


def cells_of(record) -> tuple[AnyCell, ...]:
    return read_cells(record.cells)


def train(
    cells: tuple[AnyCell, ...],
    config: FullTrainingConfig,
    folder: Path,
    seed: int,
    journal: "Journal",
    cancelled: Callable[[], bool],
) -> Any:
    """The training itself; returns its FullOutcome. Raises what :func:`nas_engine.training.full.train_fully` raises."""
    from nas_engine.training.full import train_fully

    return train_fully(
        cells,
        config,
        folder,
        torch_device(),
        seed,
        journal.checkpoint.path,
        journal.epoch,
        cancelled,
        journal.log,
        journal.progress,
    )


def estimate(
    cells: tuple[AnyCell, ...], config: FullTrainingConfig, folder: Path, cancelled: Callable[[], bool]
) -> Any:
    """A CostEstimate from a few timed steps."""
    from nas_engine.training.full import estimate_cost

    return estimate_cost(cells, config, folder, torch_device(), cancelled)


def latency_of(device: str) -> Callable[[Any], float]:
    """Measures a blueprint in seconds for one image on this worker's device."""
    from nas_engine.networks import build
    from nas_engine.training.devices import open_device
    from nas_engine.training.latency import measure_latency

    where = open_device(device)
    return lambda blueprint: measure_latency(build(blueprint).to(where), blueprint.image_shape, where)["median"]


def numbers(outcome: Any) -> dict:
    """What of an outcome stands in the run's row."""
    details = {name: getattr(outcome, name) for name in ("peak_memory", "batch", "precision", "devices", "timings")}
    return {
        "test_accuracy": outcome.test_accuracy,
        "test_top5": outcome.test_top5,
        "valid_accuracy": outcome.valid_accuracy,
        "latency": outcome.latency["median"],
        "seconds": outcome.seconds,
        "device": {**workers.device(), **outcome.device},
        "details": details | {"test_images": outcome.test_images, "resumed": outcome.resumed},
    }


def write(outcome: Any, training: FullTraining, out: BinaryIO, log: Callable[[str], None]) -> None:
    """Write the bundle that is handed out: weights, ONNX, model.py, card, descriptions, checksums."""
    from nas_engine.export.full_bundle import write_full_bundle

    names = {"title": training.name, "cell_name": training.cell.name, "dataset_title": training.dataset.title}
    write_full_bundle(outcome, cells_of(training.cell), out, **names, log=log)


class Journal:
    """What a training tells while it goes on, stored as it comes: curve, progress, log, and copies of the checkpoint."""

    def __init__(self, run: TrainingRun):
        self.run, self.checkpoint = run, Checkpoint(run)
        self.curve, self.epochs = list(run.curve), run.epochs
        self._unsaid: list[str] = []
        self._stored = 0.0

    def epoch(self, report: Any) -> None:
        """Take a FullEpochReport, whose checkpoint is stored."""
        self.curve = [one for one in self.curve if one["epoch"] < report.epoch] + [dataclasses.asdict(report)]
        self.epochs = report.epochs
        self._unsaid.append(_line(self.run.seed, report))
        if time.monotonic() - self._stored >= REPORT_SECONDS or report.epoch == report.epochs:
            self._store()
        self.checkpoint.copy_if_due(report.epoch)

    def progress(self, report: Any) -> None:
        """Take a BatchReport."""
        self._try(full_recording.progress, self.run, dataclasses.asdict(report))

    def log(self, text: str) -> None:
        """Take a sentence about something that was decided."""
        self._try(full_recording.tell, self.run, text)

    def keep(self) -> None:
        """Store what has not been yet, and copy the checkpoint to where any machine finds it; this run is given up."""
        with contextlib.suppress(SearchCancelled):
            if self._unsaid:
                self._store()
        if self.curve and full_recording.current(self.run).exists():
            self.checkpoint.copy(self.curve[-1]["epoch"])

    def _store(self) -> None:
        self._stored = time.monotonic()
        host = workers.host()
        if self._try(full_recording.epochs_done, self.run, self.curve, self.epochs, host, self._unsaid):
            self._unsaid = []

    def _try(self, store: Callable, *arguments) -> bool:
        try:
            store(*arguments)
        except full_recording.TrainingGone:
            raise SearchCancelled from None
        except DatabaseError as error:  # the next report tries again
            log.warning("Progress could not be stored: %s", error)
            connection.close()
            return False
        return True


def _line(seed: int, report: Any) -> str:
    valid = f", valid {percent(report.valid_accuracy)}" if report.valid_accuracy is not None else ""
    return (
        f"seed {seed}, epoch {report.epoch}: train loss {report.train_loss:.3f}{valid}, "
        f"lr {report.learning_rate:.4g}, {report.images_per_second:.0f} images/s"
    )
