"""What the database keeps of supernets; part of :mod:`webapp.models`, which names these classes too."""

from django.db import models

from webapp.shared_models import Claimed


class SupernetRun(Claimed):
    """The training of a weight-sharing search's supernet: one long task. ``attempt`` is the fencing token, as in a trial.

    After every epoch its state lies in the database (:class:`SupernetCheckpoint`), so that any worker can go on with it.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"

    search = models.OneToOneField("webapp.Search", on_delete=models.CASCADE, related_name="supernet")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    epoch = models.PositiveIntegerField(default=0, help_text="Epochs that are done and stored")
    epochs = models.PositiveIntegerField(default=0)
    claimed_epoch = models.PositiveIntegerField(default=0, help_text="Epochs done when its worker took it")
    progress = models.JSONField(default=dict, help_text="Inside the epoch under way: phase, step, steps")
    derived = models.JSONField(
        default=list, help_text="What was derived at the end: architecture, cells, supernet_score"
    )
    device = models.JSONField(default=dict)
    error = models.TextField(blank=True, help_text="Why it failed")
    advice = models.TextField(blank=True)

    def __str__(self):
        return f"supernet of search {self.search_id}"


class SupernetEpoch(models.Model):
    """One epoch, as nas_engine.evaluators.supernet.records.EpochRecord tells it."""

    run = models.ForeignKey(SupernetRun, on_delete=models.CASCADE, related_name="records")
    number = models.PositiveIntegerField()
    record = models.JSONField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_record_per_epoch")]

    def __str__(self):
        return f"epoch {self.number} of {self.run}"


class SupernetCheckpoint(models.Model):
    """A piece of the newest state: one safetensors file, cut into pieces that every database takes."""

    run = models.ForeignKey(SupernetRun, on_delete=models.CASCADE, related_name="checkpoint")
    index = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["index"]
        constraints = [models.UniqueConstraint(fields=["run", "index"], name="one_piece_per_place")]

    def __str__(self):
        return f"piece {self.index} of {self.run}"
