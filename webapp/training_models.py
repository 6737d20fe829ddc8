"""What the database keeps of full trainings; part of :mod:`webapp.models`, which names these classes too."""

from django.conf import settings
from django.db import models

from webapp.shared_models import Claimed, Line


class FullTraining(models.Model):
    """One user request: a cell trained at full size and length, once for each seed. ``version`` rises with every change."""

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
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="trainings")
    cell = models.ForeignKey("webapp.CellRecord", on_delete=models.PROTECT, related_name="trainings")
    dataset = models.ForeignKey("webapp.Dataset", on_delete=models.PROTECT, related_name="trainings")
    source = models.ForeignKey(
        "webapp.Trial",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The trial it was started from",
    )
    config = models.JSONField(
        help_text="nas_engine.full_training.FullTrainingConfig as plain data, as it was asked for"
    )
    settled = models.JSONField(null=True, help_text="The same with N and F chosen, where they were to fit a limit")
    protocol = models.CharField(max_length=12, blank=True, db_index=True, help_text="Known once N and F are")
    protocol_summary = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    reason = models.TextField(blank=True, help_text="Why it failed or ended, and what to do")
    params = models.BigIntegerField(null=True)
    macs = models.BigIntegerField(null=True)
    test_mean = models.FloatField(null=True, help_text="Of the seeds that are done")
    test_std = models.FloatField(null=True, help_text="Sample standard deviation; null for one seed")
    versions = models.JSONField(default=dict, help_text="Of Nasturtium, torch, Python, Django")
    version = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "-test_mean"], name="trained_models")]

    def __str__(self):
        return self.name


class TrainingRun(Claimed):
    """The training from one seed: one long task. ``attempt`` is the fencing token, as in a trial.

    Its checkpoint lies in the data folder of the machine that trains it, under ``token``; :class:`StoredFile` holds a copy
    for other machines. A new token starts from nothing.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"
        STOPPED = "stopped"

    OPEN = (State.QUEUED, State.RUNNING)

    training = models.ForeignKey(FullTraining, on_delete=models.CASCADE, related_name="runs")
    seed = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    token = models.CharField(max_length=32)
    checkpoint_host = models.CharField(
        max_length=120, blank=True, help_text="The machine that has the newest checkpoint"
    )
    epoch = models.PositiveIntegerField(default=0, help_text="Epochs done, with their checkpoint")
    claimed_epoch = models.PositiveIntegerField(default=0, help_text="Epochs done when this attempt began")
    epochs = models.PositiveIntegerField(default=0)
    progress = models.JSONField(
        default=dict, help_text="nas_engine.training.progress.BatchReport of the epoch under way"
    )
    curve = models.JSONField(default=list, help_text="nas_engine.training.progress.FullEpochReport of every epoch")
    test_accuracy = models.FloatField(null=True)
    test_top5 = models.FloatField(null=True)
    valid_accuracy = models.FloatField(null=True)
    latency = models.FloatField(null=True, help_text="Seconds, median at batch 1, on the device below")
    seconds = models.FloatField(null=True, help_text="Spent in all, over every worker that had a part in it")
    device = models.JSONField(default=dict)
    details = models.JSONField(
        default=dict, help_text="Of the outcome: peak memory, precision, images at once, timings"
    )
    error = models.TextField(blank=True)
    advice = models.TextField(blank=True)
    started = models.DateTimeField(null=True)
    checkpointed = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)

    class Meta:
        ordering = ["seed"]
        constraints = [models.UniqueConstraint(fields=["training", "seed"], name="one_run_per_seed")]
        indexes = [models.Index(fields=["state", "heartbeat"])]

    def __str__(self):
        return f"seed {self.seed} of training {self.training_id}"


class StoredFile(models.Model):
    """A file of a run in the database, in chunks, so that any machine can go on with it or hand it out."""

    class Kind(models.TextChoices):
        CHECKPOINT = "checkpoint"
        BUNDLE = "bundle"

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="files")
    kind = models.CharField(max_length=10, choices=Kind)
    epoch = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "kind"], name="one_file_of_a_kind")]

    def __str__(self):
        return f"{self.kind} of {self.run}"


class StoredChunk(models.Model):
    file = models.ForeignKey(StoredFile, on_delete=models.CASCADE, related_name="chunks")
    index = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["index"]
        constraints = [models.UniqueConstraint(fields=["file", "index"], name="one_chunk_of_a_file")]

    def __str__(self):
        return f"chunk {self.index}"


class TrainingLine(Line):
    """What happened in a full training, in words."""

    training = models.ForeignKey(FullTraining, on_delete=models.CASCADE, related_name="log")
    seed = models.PositiveIntegerField(null=True)


class CostPreview(Claimed):
    """What a full training, or without a cell a supernet, would cost, timed by a worker before anybody commits to it. Kept
    for a day."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"

    key = models.CharField(max_length=64, unique=True, help_text="SHA-256 of cell, data set and configuration")
    cell = models.ForeignKey("webapp.CellRecord", null=True, on_delete=models.CASCADE, related_name="+")
    dataset = models.ForeignKey("webapp.Dataset", on_delete=models.CASCADE, related_name="+")
    config = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    result = models.JSONField(default=dict, help_text="nas_engine.training.outcome.CostEstimate as plain data")
    error = models.TextField(blank=True, help_text="Why it failed, and what to do")
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"cost of {self.cell or 'a supernet'} on {self.dataset}"
