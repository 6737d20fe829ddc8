"""What the database keeps of successive halving; part of :mod:`webapp.models`, which names this class too."""

from django.db import models


class RungResult(models.Model):
    """A trial that reached a rung of its search, and what was decided there, once for all its attempts.

    ``rank``, ``of``, ``places`` and ``cutoff`` are those of that moment (nas_engine.successive_halving.Decision): of the
    ``of`` trials that had got there, this one included, the best ``places`` went on, down to the accuracy ``cutoff``.
    """

    search = models.ForeignKey("webapp.Search", on_delete=models.CASCADE, related_name="rungs")
    trial = models.ForeignKey("webapp.Trial", on_delete=models.CASCADE, related_name="rungs")
    epoch = models.PositiveIntegerField(help_text="The rung: after how many epochs")
    accuracy = models.FloatField(help_text="Valid, after that epoch")
    rank = models.PositiveIntegerField()
    of = models.PositiveIntegerField()
    places = models.PositiveIntegerField()
    cutoff = models.FloatField()
    goes_on = models.BooleanField()
    expected = models.FloatField(null=True, help_text="Accuracy at the end, as the strategy is told of one that stops")
    decided = models.DateTimeField()

    class Meta:
        ordering = ["search", "epoch", "id"]
        constraints = [models.UniqueConstraint(fields=["trial", "epoch"], name="one_result_per_rung")]
        indexes = [models.Index(fields=["search", "epoch", "accuracy"], name="results_of_rung")]

    def __str__(self):
        return f"{self.trial} after {self.epoch} epochs"
