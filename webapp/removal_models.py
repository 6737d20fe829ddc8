"""What the database keeps of removal damage; part of :mod:`webapp.models`, which names this class too."""

from django.db import models

from webapp.shared_models import Measurement


class RemovalStudy(Measurement):
    """How much accuracy a trained network loses without each of its nodes and edges, found by a worker on kept weights."""

    trial = models.OneToOneField("webapp.Trial", on_delete=models.CASCADE, related_name="removal_study")
    done = models.PositiveIntegerField(default=0)
    of = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict, help_text="nas_engine.evaluators.removal.study() as plain data")

    def __str__(self):
        return f"removal damage of {self.trial}"
