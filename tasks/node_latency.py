"""Latency by node: a worker builds a network, runs it and times every node of it on its own device."""

from django.db import transaction

from nas_engine.blueprint import build_blueprint
from nas_engine.config import read
from nas_engine.errors import EvaluationFailed
from nas_engine.graph_cell import read_cells
from nas_engine.latency import LatencyConfig
from nas_engine.protocol import SkeletonConfig
from tasks import clock, messages, requests, train
from tasks.app import app
from tasks.patience import patiently
from tasks.recording import clean
from tasks.workers import Job
from webapp.models import NodeLatency

State = NodeLatency.State


@app.task(name="tasks.node_latency.measure_nodes")
def measure_nodes(pk: int, attempt: int) -> None:
    """Measure what was asked for. Does nothing if this attempt is not asked for any more."""
    wanted = requests.claim(NodeLatency, pk, attempt, "cell", search="")
    if wanted is None:
        return
    with Job(wanted, str(wanted)) as job:

        def work() -> None:
            patiently(finish, wanted, clean(measure(wanted, job.cancelled)))

        requests.carry_out(wanted, work, fail, messages.measure_nodes)


def measure(wanted: NodeLatency, cancelled) -> dict:
    """The result. Raises ConfigError where the network cannot be built any more, EvaluationFailed where memory runs out, and
    SearchCancelled."""
    from nas_engine.training.devices import open_device
    from nas_engine.training.memory import out_of_memory
    from nas_engine.training.node_latency import measure_nodes as measured

    what = wanted.what
    skeleton, way = read(SkeletonConfig, what["skeleton"]), read(LatencyConfig, what["way"])
    network = build_blueprint(read_cells(wanted.cell.cells), skeleton, tuple(what["image_shape"]), what["classes"])
    try:
        return measured(network, open_device(train.torch_device()), way, cancelled)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
    raise EvaluationFailed("Memory ran out on this worker", "Ask again when a larger device is free")


def finish(wanted: NodeLatency, result: dict) -> None:
    """Store the result if this attempt still counts; what was known of this device before gives way to it."""
    device = result["device"]["name"] or result["device"]["kind"].upper()
    with transaction.atomic():
        fields = {"state": State.FINISHED, "result": result, "device": device, "error": "", "ended": clock.now()}
        if not requests.current(wanted).update(**fields):
            return
        before = NodeLatency.objects.filter(cell=wanted.cell, network=wanted.network).exclude(pk=wanted.pk)
        before.filter(device=device, state=State.FINISHED).delete()
        before.filter(state=State.FAILED).delete()


def fail(wanted: NodeLatency, error: str) -> None:
    """Keep the reason, if this attempt still counts."""
    requests.current(wanted).update(state=State.FAILED, error=error, ended=clock.now())
