"""What the database keeps of latencies by node; part of :mod:`webapp.models`, which names this class too."""

from django.db import models
from django.db.models import Q

from webapp.shared_models import Measurement


class NodeLatency(Measurement):
    """How long each node of a network takes on a worker's device. The newest result on each device is kept."""

    cell = models.ForeignKey("webapp.CellRecord", on_delete=models.CASCADE, related_name="node_latencies")
    network = models.CharField(max_length=12, help_text="Fingerprint of what is measured, and how")
    what = models.JSONField(help_text='{"skeleton", "image_shape", "classes", "way": nas_engine.latency.LatencyConfig}')
    device = models.CharField(max_length=200, blank=True, help_text="Known once it is measured")
    result = models.JSONField(default=dict, help_text="nas_engine.training.node_latency.measure_nodes() as plain data")
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
