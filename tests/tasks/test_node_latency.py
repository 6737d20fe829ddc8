"""Latency by node as a piece of work: asked for, measured by a worker, kept once a device."""

import pytest

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.errors import EvaluationFailed
from nas_engine.protocol import SkeletonConfig
from tasks import clock, housekeeping, node_latency, requests
from tests.webapp import seeding
from webapp.models import NodeLatency
from webapp.services.node_latency import measured_thing, measurements_of, request_measurement

SKELETON = SkeletonConfig(repeats=1, filters=4)
RESULT = {"nodes": [], "together": 1.0, "median": 1.0, "device": {"kind": "cuda", "name": "Test GPU"}}


@pytest.fixture
def cells():
    return zoo.get("darts-v2").cells


@pytest.fixture
def asked(transactional_db, queue, stop, cells):
    """(the cell's row, what is to be measured, the network)"""
    network = build_blueprint(cells, SKELETON, (1, 8, 8), 10)
    what = measured_thing(network, SKELETON, None)
    what["way"] |= {"latency_runs": 3, "latency_warm_up": 1}
    return seeding.record(cells), what, network


def test_a_worker_measures_every_node_of_the_network_asked_for(asked, queue):
    record, what, network = asked
    wanted = request_measurement(record, what)
    assert request_measurement(record, what).pk == wanted.pk, "a second wish is not a second measurement"
    queue.deliver()
    wanted.refresh_from_db()
    assert (wanted.state, wanted.error) == ("finished", "") and wanted.device and wanted.ended
    assert wanted.result["runs"] == 3 and wanted.result["batch"] == 1
    for placed, nodes in zip(network.placements, wanted.result["nodes"], strict=True):
        assert {node for node, cost in placed.nodes.items() if cost.macs} <= nodes.keys() <= {"", *placed.nodes}
    assert measurements_of(record, what) == [wanted]


def test_a_new_result_takes_the_place_of_the_one_on_the_same_device(asked, queue, monkeypatch):
    record, what, _ = asked
    monkeypatch.setattr(node_latency, "measure", lambda *_: RESULT)
    first = request_measurement(record, what)
    queue.deliver()
    monkeypatch.setattr(node_latency, "measure", lambda *_: RESULT | {"device": {"kind": "cpu", "name": "Test CPU"}})
    other = request_measurement(record, what)
    queue.deliver()
    assert [row.pk for row in measurements_of(record, what)] == [other.pk, first.pk]
    monkeypatch.setattr(node_latency, "measure", lambda *_: RESULT)
    again = request_measurement(record, what)
    queue.deliver()
    assert [(row.pk, row.device) for row in measurements_of(record, what)] == [
        (again.pk, "Test GPU"),
        (other.pk, "Test CPU"),
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [(EvaluationFailed("Memory ran out", "Take less"), "Memory ran out"), (RuntimeError("on fire"), "on fire")],
)
def test_a_failure_says_why_and_gives_way_to_a_result(asked, queue, monkeypatch, error, said):
    record, what, _ = asked

    def broken(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(node_latency, "measure", broken)
        failed = request_measurement(record, what)
        queue.deliver()
    failed.refresh_from_db()
    assert failed.state == "failed" and said in failed.error
    done = request_measurement(record, what)
    queue.deliver()
    assert [row.pk for row in measurements_of(record, what)] == [done.pk]


def test_a_lost_worker_is_replaced_and_counts_once(asked, queue):
    record, what, _ = asked
    wanted = request_measurement(record, what)
    queue.messages.clear()
    claimed = requests.claim(NodeLatency, wanted.pk, 0, "cell", search="")
    assert requests.claim(NodeLatency, wanted.pk, 0, search="") is None
    NodeLatency.objects.update(heartbeat=clock.now() - housekeeping.FORGOTTEN)
    housekeeping.sweep()
    node_latency.finish(claimed, RESULT)
    node_latency.fail(claimed, "late")
    wanted.refresh_from_db()
    assert (wanted.state, wanted.attempt, wanted.error) == ("queued", 1, "")
    queue.deliver()
    wanted.refresh_from_db()
    assert wanted.state == "finished" and wanted.result["runs"] == 3


def test_a_lost_message_is_sent_again(asked, queue):
    wanted = request_measurement(*asked[:2])
    queue.messages.clear()
    NodeLatency.objects.update(sent=None)
    housekeeping.sweep()
    assert queue.take("measure_nodes") == [(wanted.pk, 0)]


def test_a_worker_told_to_end_puts_it_back(asked, queue, stop):
    wanted = request_measurement(*asked[:2])
    stop.set()
    queue.deliver_next()
    wanted.refresh_from_db()
    assert wanted.state == "queued" and queue.take("measure_nodes") == [(wanted.pk, 0)]
