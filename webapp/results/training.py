"""Everything the page of one full training shows, read in a handful of queries."""

from functools import cached_property
from statistics import median

from django.utils import timezone

from nas_engine.config import settings_of
from webapp.figures import training as figures
from webapp.forms.training import PARTS
from webapp.forms.workers import live_trainers
from webapp.models import FullTraining, StoredFile, TrainingRun

TICK = 10  # seconds after which times are shown anew
LOG_LINES = 100
LATELY = 20  # epochs the pace is judged by
GROUPS = {
    "data": "Data", "skeleton": "Network", "schedule": "Schedule", "optimizer": "Optimizer",
    "augmentation": "Augmentation", "regularisation": "Regularisation", "hardware": "Machine",
}  # fmt: skip
State = TrainingRun.State


class TrainingPage:
    def __init__(self, training: FullTraining):
        self.training = training

    @property
    def version(self) -> str:
        """Changes with everything the page shows; while it runs that is the time, too."""
        if self.over:
            return str(self.training.version)
        return f"{self.training.version}.{int(timezone.now().timestamp() / TICK)}"

    @property
    def over(self) -> bool:
        """Nothing more will change by itself."""
        return self.training.state in FullTraining.ENDED

    @cached_property
    def runs(self) -> list[TrainingRun]:
        runs = list(self.training.runs.order_by("seed"))
        files = StoredFile.objects.filter(run__training=self.training).only("run", "kind", "size", "epoch")
        stored = {(one.run_id, one.kind): one for one in files}
        for run in runs:
            run.bundle = stored.get((run.pk, StoredFile.Kind.BUNDLE))
        return runs

    @property
    def several(self) -> bool:
        return len(self.runs) > 1

    @cached_property
    def finished(self) -> list[TrainingRun]:
        return [run for run in self.runs if run.state == State.FINISHED]

    @cached_property
    def failed(self) -> list[TrainingRun]:
        return [run for run in self.runs if run.state == State.FAILED]

    @property
    def again(self) -> list[TrainingRun]:
        """Seeds that can be taken up again."""
        return [run for run in self.runs if run.state in (State.FAILED, State.STOPPED)]

    @property
    def resumable(self) -> bool:
        """One of them has a checkpoint to go on from."""
        return any(run.epoch for run in self.again)

    @cached_property
    def current(self) -> TrainingRun | None:
        """The seed to look at: one in training, else one that got furthest."""
        running = [run for run in self.runs if run.state == State.RUNNING]
        return max(running or self.runs, key=lambda run: (run.epoch, -run.seed), default=None)

    @property
    def running(self) -> int:
        return sum(run.state == State.RUNNING for run in self.runs)

    @property
    def waiting_for_worker(self) -> bool:
        return self.training.state in FullTraining.ACTIVE and not self.running and live_trainers() == 0

    # ---- progress

    @property
    def epochs(self) -> int:
        """Of one seed."""
        return self.training.config["schedule"]["epochs"]

    @property
    def total(self) -> int:
        return self.epochs * len(self.runs)

    @property
    def done(self) -> float:
        return sum(run.epoch for run in self.runs)

    @property
    def shown_done(self) -> float:
        """With the part of the epoch under way, so that the bar moves within long epochs."""
        parts = (run.progress for run in self.runs if run.progress.get("batches"))
        return round(self.done + sum(one["batch"] / one["batches"] for one in parts), 3)

    @cached_property
    def seconds_an_epoch(self) -> float | None:
        """Lately; None before the first is done."""
        run = self.current
        lately = [one["seconds"] for one in (run.curve if run else [])[-LATELY:] if one.get("seconds")]
        return median(lately) if lately else None

    @property
    def seconds(self) -> float | None:
        """Since it started, until it ended."""
        if self.training.started is None:
            return None
        return ((self.training.ended or timezone.now()) - self.training.started).total_seconds()

    @property
    def seconds_left(self) -> float | None:
        if self.training.state != FullTraining.State.RUNNING or self.seconds_an_epoch is None:
            return None
        left = sum(self.epochs - run.epoch for run in self.runs if run.state in TrainingRun.OPEN)
        return left * self.seconds_an_epoch / max(1, self.running)

    @property
    def latest(self) -> dict:
        """The last epoch of the seed looked at."""
        return self.current.curve[-1] if self.current and self.current.curve else {}

    @property
    def speed(self) -> float | None:
        """Images a second: of the epoch under way, else of the last."""
        progress = self.current.progress if self.current else {}
        return progress.get("images_per_second") or self.latest.get("images_per_second")

    # ---- what stands below

    @property
    def figures(self) -> dict[str, dict]:
        found = {name: getattr(figures, name)(self.runs, self.epochs) for name in ("accuracy", "loss", "rate")}
        return {name: one for name, one in found.items() if one}

    @property
    def figures_version(self) -> str:
        """Changes when a plot does."""
        return "-".join(f"{len(run.curve)}{run.state[0]}" for run in self.runs)

    @cached_property
    def log(self) -> list:
        return list(self.training.log.order_by("-id")[:LOG_LINES])

    @property
    def config(self) -> dict:
        """With N and F chosen, once they are."""
        return self.training.settled or self.training.config

    @property
    def settings(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """(group, [(label, value)]) of everything it was set up with."""
        return [(title, list(_rows(part, self.config[part]))) for part, title in GROUPS.items()]


def _rows(part: str, values: dict):
    for name, about in settings_of(PARTS[part]).items():
        if name in values:
            value = values[name]
            if about.labels and value in about.options:
                value = about.labels[about.options.index(value)]
            elif isinstance(value, bool):
                value = "on" if value else "off"
            elif isinstance(value, float):
                value = f"{value:g}"
            yield about.label, f"{value}\u00a0{about.unit}" if about.unit else str(value)
