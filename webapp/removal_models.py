"""What the database keeps of removal damage; part of :mod:`webapp.models`, which names this class too."""

from django.db import models

from webapp.shared_models import Claimed


class RemovalStudy(Claimed):
    """How much accuracy a trained network loses without each of its nodes and edges, found by a worker on kept weights."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"

    trial = models.OneToOneField("webapp.Trial", on_delete=models.CASCADE, related_name="removal_study")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    done = models.PositiveIntegerField(default=0)
    of = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict, help_text="nas_engine.evaluators.removal.study() as plain data")
    error = models.TextField(blank=True, help_text="Why it failed, and what to do")
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"removal damage of {self.trial}"
