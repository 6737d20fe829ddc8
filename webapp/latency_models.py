"""What the database keeps of latencies by node; part of :mod:`webapp.models`, which names this class too."""

from django.db import models
from django.db.models import Q

from webapp.shared_models import Claimed


class NodeLatency(Claimed):
    """How long each node of a network takes on a worker's device. The newest result on each device is kept."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"

    OPEN = (State.QUEUED, State.RUNNING)

    cell = models.ForeignKey("webapp.CellRecord", on_delete=models.CASCADE, related_name="node_latencies")
    network = models.CharField(max_length=12, help_text="Fingerprint of what is measured, and how")
    what = models.JSONField(help_text='{"skeleton", "image_shape", "classes", "way": nas_engine.latency.LatencyConfig}')
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    device = models.CharField(max_length=200, blank=True, help_text="Known once it is measured")
    result = models.JSONField(default=dict, help_text="nas_engine.training.node_latency.measure_nodes() as plain data")
    error = models.TextField(blank=True, help_text="Why it failed, and what to do")
    created = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["cell", "network"], condition=Q(state__in=("queued", "running")), name="one_open_node_latency"
            )
        ]
        indexes = [models.Index(fields=["cell", "network"], name="node_latencies_of_network")]

    def __str__(self):
        return f"latency by node of {self.cell}"
