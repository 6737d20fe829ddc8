"""Latency by node on a cell's page."""

import json
import random
import re

import pytest
from django.urls import reverse

from nas_engine import zoo
from nas_engine.architecture import Architecture
from nas_engine.blueprint import build_blueprint
from nas_engine.cell import cells_key
from nas_engine.config import read
from nas_engine.graph_cell import read_cells
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_config import read_search
from tests.webapp import seeding
from webapp.models import CellRecord, NodeLatency, Trial

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]
ABOUT = {
    "median": 0.004, "p95": 0.005, "runs": 50, "batch": 1, "threads": 1, "precision": "float32", "warm_up": 3,
    "device": {"kind": "cpu", "name": "Test CPU"}, "together": 0.0035,
}  # fmt: skip


@pytest.fixture
def trial() -> Trial:
    search = seeding.search(seeding.SMALL | {"evaluator_config": {"latency_batch": 8}})
    space = read_search(search.config).build_space()
    return seeding.trial(search, 1, space.sample(random.Random(1)))


def page(client, key: str, **query) -> str:
    return client.get(reverse("cell", args=[key]), query).content.decode()


def finish(wanted: NodeLatency, device: str = "Test CPU", seconds: float = 0.0005) -> None:
    nodes = [{"": seconds}, {"b1l": seconds, "concat": 2 * seconds}, *[{}] * (len(blueprint_of(wanted).placements) - 2)]
    result = ABOUT | {"nodes": nodes}
    NodeLatency.objects.filter(pk=wanted.pk).update(state="finished", device=device, result=result)


def blueprint_of(wanted: NodeLatency):
    what = wanted.what
    skeleton = read(SkeletonConfig, what["skeleton"])
    return build_blueprint(read_cells(wanted.cell.cells), skeleton, tuple(what["image_shape"]), what["classes"])


def data_of(text: str) -> dict:
    return json.loads(re.search(r'<script id="node-latency-data" type="application/json">(.*?)</script>', text)[1])


def test_before_it_is_measured_the_page_offers_to(signed_in, trial):
    text = page(signed_in, trial.cell_id)
    assert "Measure latency per node" in text and "with batch 8" in text and "node-latency-data" not in text


def test_it_is_asked_for_watched_and_shown(signed_in, trial, sent, django_capture_on_commit_callbacks):
    address = reverse("node-latency", args=[trial.cell_id])
    with django_capture_on_commit_callbacks(execute=True):
        answer = signed_in.post(address, {"protocol": trial.protocol})
    wanted = NodeLatency.objects.get(cell=trial.cell_id)
    assert answer.url == f"{reverse('cell', args=[trial.cell_id])}?protocol={trial.protocol}#cost"
    assert ("tasks.node_latency.measure_nodes", wanted.pk, 0) in sent
    assert wanted.what["way"]["latency_batch"] == 8 and wanted.what["skeleton"]["filters"] == 8
    live = reverse("node-latency-live", args=[trial.cell_id])
    assert f'data-live="{live}?protocol={trial.protocol}"' in page(signed_in, trial.cell_id)
    version = signed_in.get(live, {"protocol": trial.protocol})["X-Version"]
    assert signed_in.get(live, {"protocol": trial.protocol, "since": version}).status_code == 204
    finish(wanted)
    answer = signed_in.get(live, {"protocol": trial.protocol, "since": version})
    assert answer.status_code == 286, "the page need not ask again"
    fragment = answer.content.decode()
    assert data_of(fragment)["nodes"][:2] == [{"": 0.5}, {"b1l": 0.5, "concat": 1.0}]
    text = page(signed_in, trial.cell_id)
    rows = re.findall(r"<tr><td>(.*?)</tr>", text.split("As a table")[1].split("</table>")[0])
    assert "0.50</td>" in rows[0] and "1.50</td>" in rows[1] and "<b>3.50</b>" in text
    assert "Measure again" in text and "<b>Test CPU</b>" in text and "left alone the network takes 4 ms" in text
    assert "data-live" not in text.split('id="cost"')[1].split("</section>")[0]


def test_a_failure_is_told_and_can_be_tried_again(signed_in, trial):
    signed_in.post(reverse("node-latency", args=[trial.cell_id]), {"protocol": trial.protocol})
    NodeLatency.objects.update(state="failed", error="Memory ran out <b>")
    text = page(signed_in, trial.cell_id)
    assert "Memory ran out &lt;b&gt;" in text and "Measure latency per node" in text


def test_each_device_has_its_own_times(signed_in, trial):
    for device, seconds in (("Test GPU", 0.0001), ("Test CPU", 0.0005)):
        signed_in.post(reverse("node-latency", args=[trial.cell_id]), {"protocol": trial.protocol})
        finish(NodeLatency.objects.get(state="queued"), device, seconds)
    first = NodeLatency.objects.get(device="Test GPU")
    text = page(signed_in, trial.cell_id)
    assert data_of(text)["nodes"][0] == {"": 0.5} and f"latency={first.pk}#cost" in text
    other = page(signed_in, trial.cell_id, latency=first.pk)
    assert data_of(other)["nodes"][0] == {"": 0.1} and data_of(other)["device"] == "Test GPU"


def test_another_protocols_network_is_another_measurement(signed_in, trial):
    wide = seeding.search(seeding.SMALL | {"skeleton": {"repeats": 1, "filters": 16}})
    seeding.trial(wide, 1, Architecture("nasnet", tuple(trial.choices)), trial.cell)
    signed_in.post(reverse("node-latency", args=[trial.cell_id]), {"protocol": wide.protocol})
    finish(NodeLatency.objects.get())
    assert "node-latency-data" not in page(signed_in, trial.cell_id, protocol=trial.protocol)
    assert "node-latency-data" in page(signed_in, trial.cell_id, protocol=wide.protocol)


def test_a_published_cell_that_nobody_stored_can_be_measured(signed_in, sent):
    key = cells_key(zoo.get("mnasnet-a1").cells)
    CellRecord.objects.filter(pk=key).delete()
    assert signed_in.post(reverse("node-latency", args=[key])).status_code == 302
    wanted = NodeLatency.objects.get(cell=key)
    assert wanted.what["image_shape"] == [3, 224, 224] and wanted.what["classes"] == 1000
    assert signed_in.post(reverse("node-latency", args=["0" * 64])).status_code == 404
    assert signed_in.get(reverse("node-latency", args=[key])).status_code == 405
