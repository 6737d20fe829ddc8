"""A full training in a terminal: its progress on stderr, and what it came to as JSON and in words."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tasks.wording import duration, millions, percent
from webapp.console.progress import INTERVAL
from webapp.models import FullTraining, StoredFile, TrainingRun
from webapp.services.models import bundle_path


def watch(training: FullTraining) -> FullTraining:
    """Show the training's progress until it is over; returns it as it is then. A paused training is waited for."""
    columns = (
        TextColumn("{task.fields[state]}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[lately]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    console, said = Console(stderr=True), 0
    epochs = training.config["schedule"]["epochs"]
    total = epochs * training.config["seeds"]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        row = bar.add_task("", total=total, state=training.state, lately="", left="")
        while True:
            training.refresh_from_db(fields=["state", "reason", "test_mean", "test_std", "params", "macs", "version"])
            _update(bar, row, training, epochs)
            for pk, text in training.log.filter(pk__gt=said).order_by("pk").values_list("pk", "text"):
                said = pk
                if not console.is_terminal:
                    print(text, file=sys.stderr)
            if training.state in FullTraining.ENDED:
                break
            time.sleep(INTERVAL)
    print(f"{training.state}{': ' + training.reason if training.reason else ''}", file=sys.stderr)
    return training


def _update(bar: Progress, row: TaskID, training: FullTraining, epochs: int) -> None:
    runs = list(training.runs.all())
    latest = max((run.curve[-1] for run in runs if run.curve), key=lambda one: one["epoch"], default=None)
    open_epochs = sum(epochs - run.epoch for run in runs if run.state in TrainingRun.OPEN)
    running = sum(run.state == TrainingRun.State.RUNNING for run in runs)
    bar.update(
        row,
        completed=sum(run.epoch for run in runs),
        state=training.state,
        lately=f"loss {latest['train_loss']:.3f}" if latest and latest["train_loss"] is not None else "",
        left=f"{duration(open_epochs * latest['seconds'] / max(1, running))} left" if latest and open_epochs else "",
    )


def report(training: FullTraining) -> dict:
    """The training and its seeds as plain JSON data. ``bundle`` is the path of the first finished seed's, else None."""
    runs = [_run(run) for run in training.runs.order_by("seed")]
    return {
        "training": training.pk,
        "name": training.name,
        "state": training.state,
        "reason": training.reason,
        "cell": training.cell_id,
        "dataset": training.dataset.slug,
        "protocol": training.protocol or None,
        "summary": training.protocol_summary,
        "params": training.params,
        "macs": training.macs,
        "test_accuracy": training.test_mean,
        "test_std": training.test_std,
        "bundle": next((run["bundle"] for run in runs if run["bundle"]), None),
        "runs": runs,
    }


def _run(run: TrainingRun) -> dict:
    row = StoredFile.objects.filter(run=run, kind=StoredFile.Kind.BUNDLE).first()
    return {
        "seed": run.seed,
        "state": run.state,
        "epoch": run.epoch,
        "test_accuracy": run.test_accuracy,
        "valid_accuracy": run.valid_accuracy,
        "seconds": run.seconds,
        "error": run.error or None,
        "advice": run.advice or None,
        "bundle": str(bundle_path(row)) if row else None,
    }


def outcome(training: FullTraining) -> str:
    """What it came to, in a few lines."""
    spread = f" ± {100 * training.test_std:.2f}" if training.test_std is not None else ""
    lines = [f"{training.name}: {training.protocol_summary}"]
    if training.test_mean is not None:
        lines.append(f"test {percent(training.test_mean)}{spread}")
    if training.params is not None:
        lines.append(f"{millions(training.params)} parameters, {millions(training.macs)} MACs")
    for run in training.runs.order_by("seed"):
        found = percent(run.test_accuracy) if run.test_accuracy is not None else run.error or ""
        lines.append(f"seed {run.seed}: {run.state} {found}".rstrip())
    return "\n".join([*lines, f"Take it home: python manage.py export {training.pk} --out DIR"])
