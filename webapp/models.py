"""What the database keeps. It is the only truth: Redis carries messages and losing it loses nothing.

Only ``webapp.services`` and the recording modules of ``tasks`` write here; models have no clever ``save`` and there are
no signals.
"""

from collections.abc import Sequence

from django.conf import settings
from django.db import models

from nas_engine.cell import cells_key
from webapp.latency_models import NodeLatency  # noqa: F401 - as those below
from webapp.removal_models import RemovalStudy  # noqa: F401 - as those below
from webapp.rung_models import RungResult  # noqa: F401 - as those below
from webapp.shared_models import Claimed, Line
from webapp.supernet_models import SupernetCheckpoint, SupernetEpoch, SupernetRun  # noqa: F401 - as those below
from webapp.token_models import ApiToken  # noqa: F401 - as those below
from webapp.training_models import (  # noqa: F401 - tables of this module, in files of their own
    CostPreview,
    FullTraining,
    StoredChunk,
    StoredFile,
    TrainingLine,
    TrainingRun,
)


class Dataset(models.Model):
    """Images prepared for training. The images lie in the data folder; this row says what they are."""

    class State(models.TextChoices):
        PREPARING = "preparing"
        READY = "ready"
        FAILED = "failed"

    slug = models.SlugField(unique=True, max_length=60)
    title = models.CharField(max_length=120)
    source = models.JSONField(help_text='{"kind": "digits" | "torchvision" | "folder" | "zip", ...}')
    state = models.CharField(max_length=10, choices=State, default=State.PREPARING)
    progress = models.FloatField(default=0.0, help_text="0 to 1")
    message = models.TextField(blank=True, help_text="What is being done, or why it failed and what to do")
    channels = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    width = models.PositiveIntegerField(default=0)
    classes = models.JSONField(default=list)
    train_images = models.PositiveIntegerField(default=0)
    test_images = models.PositiveIntegerField(default=0)
    size = models.BigIntegerField(default=0, help_text="Bytes on disk")
    fingerprint = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the prepared images and labels")
    heartbeat = models.DateTimeField(null=True, help_text="Last sign of the worker that prepares it")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["title"]

    def __str__(self):
        return self.title

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width

    @property
    def images(self) -> int:
        return self.train_images + self.test_images


class Comparison(models.Model):
    """Searches that were started together: strategies x seeds, at equal budget."""

    name = models.CharField(max_length=120)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comparisons")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self):
        return self.name


class Search(models.Model):
    """One user request. ``lease_*`` let one coordinator at a time advance it; ``version`` rises with every change shown."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        PAUSED = "paused"
        STOPPED = "stopped"
        FINISHED = "finished"
        FAILED = "failed"

    ACTIVE = (State.QUEUED, State.RUNNING)
    ENDED = (State.STOPPED, State.FINISHED, State.FAILED)

    name = models.CharField(max_length=120)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="searches")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    reason = models.TextField(blank=True, help_text="Why it failed or ended, and what to do")
    config = models.JSONField(help_text="nas_engine.search_config.SearchConfig as plain data")
    strategy = models.CharField(max_length=40, db_index=True)
    dataset = models.ForeignKey(
        Dataset,
        null=True,
        on_delete=models.PROTECT,
        related_name="searches",
        help_text="None where a table is searched",
    )
    comparison = models.ForeignKey(
        Comparison, null=True, on_delete=models.SET_NULL, related_name="searches", help_text="Started as part of it"
    )
    protocol = models.CharField(max_length=12, db_index=True)
    protocol_summary = models.CharField(max_length=200)
    versions = models.JSONField(default=dict, help_text="Of Nasturtium, torch, Python, Django")
    told = models.PositiveIntegerField(default=0, help_text="Trials the strategy has been told of")
    strategy_state = models.BinaryField(null=True, help_text="Checkpoint: one safetensors file, JSON in its metadata")
    strategy_state_told = models.PositiveIntegerField(default=0, help_text="How many tells the checkpoint holds")
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    active_seconds = models.FloatField(default=0.0, help_text="Time spent running, pauses left out")
    resumed = models.DateTimeField(null=True, help_text="Start of the current stretch of running")
    timings = models.JSONField(
        default=dict, help_text="Seconds of all its trials by phase, as tasks.timings names them"
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self):
        return self.name


class CellRecordManager(models.Manager):
    def of(self, cells: Sequence) -> "CellRecord":
        """The row of an architecture, made if it is new. ``cells`` are the engine's (nas_engine.cell.Cell and its like)."""
        fields = {"cells": [cell.as_json() for cell in cells], "operations": operations_of(cells)}
        return self.get_or_create(key=cells_key(cells), defaults=fields)[0]


def operations_of(cells: Sequence) -> str:
    """The names of all operations used, each between spaces, so that one is found as " sep_conv_3x3 "."""
    names = {node.operation.replace(" ", "_") for cell in cells for node in cell.nodes if node.operation}
    return f" {' '.join(sorted(names))} "


class CellRecord(models.Model):
    """An architecture up to isomorphism: what the cell page, thumbnails and leaderboard show."""

    key = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=60, blank=True, help_text="Only published cells have one")
    cells = models.JSONField(help_text="[normal, reduction] as nas_engine.cell.Cell.as_json()")
    operations = models.TextField(blank=True, help_text="As operations_of() writes them, to find cells by")
    created = models.DateTimeField(auto_now_add=True)

    objects = CellRecordManager()

    class Meta:
        # Finding cells by an operation reads this index alone, not the cells.
        indexes = [models.Index(fields=["key", "operations"], name="operations_of_cells")]

    def __str__(self):
        return self.name or self.key[:7]

    @property
    def short(self) -> str:
        return self.key[:7]


class Trial(Claimed):
    """One architecture proposed and evaluated. ``attempt`` is the fencing token: only the current one counts."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING = "waiting"  # the same cell is in training; its result will be reused
        FINISHED = "finished"
        REUSED = "reused"
        FAILED = "failed"
        INFEASIBLE = "infeasible"  # it breaks the search's limits: not trained, or not counted
        PRUNED = "pruned"  # its training was ended early, having fallen behind; its reward is what was expected
        STOPPED = "stopped"

    OPEN = (State.QUEUED, State.RUNNING, State.WAITING)
    MEASURED = (State.FINISHED, State.REUSED)
    COUNTED = (*MEASURED, State.FAILED, State.PRUNED)  # ended, and a trial of the budget

    search = models.ForeignKey(Search, on_delete=models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField()
    cell = models.ForeignKey(CellRecord, on_delete=models.PROTECT, related_name="trials")
    choices = models.JSONField(help_text="nas_engine.architecture.Architecture.choices")
    info = models.JSONField(default=dict, help_text="The strategy's own notes")
    protocol = models.CharField(max_length=12)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    same_as = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="copies")
    told_as = models.PositiveIntegerField(null=True, help_text="Its place in the order the strategy was told")
    epoch = models.PositiveIntegerField(default=0)
    epochs = models.PositiveIntegerField(default=0)
    curve = models.JSONField(
        default=list, help_text="Per epoch: epoch, train_loss, train_accuracy, valid_accuracy, seconds"
    )
    valid_accuracy = models.FloatField(null=True)
    reward = models.FloatField(null=True)
    params = models.BigIntegerField(null=True)
    macs = models.BigIntegerField(null=True)
    latency = models.FloatField(null=True, help_text="Seconds, median, of a batch as latency_about says")
    latency_about = models.JSONField(
        default=dict, help_text="How it was obtained: way, p95, runs, batch, threads, precision, warm_up, device"
    )
    seconds = models.FloatField(null=True, help_text="Build, training and measuring together")
    timings = models.JSONField(default=dict, help_text="Seconds by phase, as tasks.timings names them")
    device = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    advice = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)

    class Meta:
        ordering = ["search", "number"]
        constraints = [
            models.UniqueConstraint(fields=["search", "number"], name="one_trial_per_number"),
            models.UniqueConstraint(
                fields=["search", "told_as"], condition=models.Q(told_as__isnull=False), name="each_told_once"
            ),
        ]
        indexes = [
            models.Index(fields=["search", "state"]),
            models.Index(fields=["protocol", "cell", "state"]),
            models.Index(fields=["search", "-valid_accuracy", "number"], name="best_of_search"),
            # All that the leaderboard filters, sorts and plots by, so that it reads nothing but this index.
            models.Index(
                fields=["state", "protocol", "-valid_accuracy", "macs", "params", "latency", "search", "cell"],
                name="leaderboard",
            ),
        ]

    def __str__(self):
        return f"trial {self.number} of {self.search_id}"


class Weights(models.Model):
    """Trained weights of a trial: a safetensors file with architecture and protocol inside, kept in chunks in the database
    so that any web server hands out what any worker trained."""

    trial = models.OneToOneField(Trial, on_delete=models.CASCADE, related_name="weights")
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"weights of {self.trial}"


class WeightsChunk(models.Model):
    weights = models.ForeignKey(Weights, on_delete=models.CASCADE, related_name="chunks")
    index = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["index"]
        constraints = [models.UniqueConstraint(fields=["weights", "index"], name="one_chunk_per_index")]

    def __str__(self):
        return f"chunk {self.index}"


class WeightsRequest(Claimed):
    """Weights that were not kept and are wanted now: the trial is trained once more, which changes nothing of its result.

    Gone once the weights are there; ``attempt`` is the fencing token, as in a trial.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FAILED = "failed"

    trial = models.OneToOneField(Trial, on_delete=models.CASCADE, related_name="weights_request")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    error = models.TextField(blank=True, help_text="Why it failed, and what to do")
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"weights wanted of {self.trial}"


class PolicyUpdate(models.Model):
    """One update of a learning strategy, as its ``tell`` reported it: entropy, baseline, mean reward, probabilities."""

    search = models.ForeignKey(Search, on_delete=models.CASCADE, related_name="updates")
    number = models.PositiveIntegerField()
    record = models.JSONField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["search", "number"], name="one_record_per_update")]

    def __str__(self):
        return f"update {self.number}"


class LogLine(Line):
    """What happened in a search, in words."""

    search = models.ForeignKey(Search, on_delete=models.CASCADE, related_name="log")
    trial_number = models.PositiveIntegerField(null=True)


class Worker(models.Model):
    """A worker process that reported itself lately."""

    name = models.CharField(primary_key=True, max_length=120, help_text="train-0@host")
    host = models.CharField(max_length=120)
    queue = models.CharField(max_length=20)
    pid = models.PositiveIntegerField()
    device = models.JSONField(
        default=dict, help_text='{"kind": "cpu" | "cuda", "name": ..., "memory": bytes, "threads": n}'
    )
    trial = models.ForeignKey(Trial, null=True, on_delete=models.SET_NULL, related_name="+")
    doing = models.CharField(max_length=200, blank=True)
    started = models.DateTimeField()
    heartbeat = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["host", "name"]

    def __str__(self):
        return self.name


class CellMark(models.Model):
    """What one person keeps of a cell: a star, a place above the leaderboard's rows."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="marks")
    cell = models.ForeignKey(CellRecord, on_delete=models.CASCADE, related_name="marks")
    starred = models.BooleanField(default=False)
    pinned = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "cell"], name="one_mark_per_cell")]

    def __str__(self):
        return f"{self.owner} on {self.cell}"


class CellNote(models.Model):
    """What people say of a cell, the same for everybody."""

    cell = models.OneToOneField(CellRecord, on_delete=models.CASCADE, primary_key=True, related_name="note")
    tags = models.TextField(blank=True, help_text="Each between spaces, as CellRecord.operations")
    text = models.TextField(blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    changed = models.DateTimeField(auto_now=True)

    def __str__(self):
        return f"note on {self.cell_id}"


class SavedView(models.Model):
    """A leaderboard's address under a name: filters, order and columns."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="one_view_per_name")]

    def __str__(self):
        return self.name


class LoginLink(models.Model):
    """A one-time link that lets the first-run local owner in. Only the SHA-256 of its token is kept."""

    token_hash = models.CharField(primary_key=True, max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    expires = models.DateTimeField()

    def __str__(self):
        return f"link for {self.user}"
