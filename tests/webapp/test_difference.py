"""Comparing two cells: which are meant, what the page says of the difference, and how it is drawn."""

import json
import random

import pytest

from nas_engine import notation, zoo
from nas_engine.alignment import align
from nas_engine.cell import Block, Cell
from nas_engine.errors import ConfigError
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from tests.webapp import seeding
from webapp.diagrams.difference import difference
from webapp.results.difference import compare
from webapp.results.reference import cell_meant

V1, V2 = zoo.get("darts-v1").cells, zoo.get("darts-v2").cells


@pytest.fixture
def measured(owner):
    """Both DARTS cells measured under one protocol, the second also under another."""
    search = seeding.search()
    space = NASNetSpace(NASNetConfig())
    architecture = space.sample(random.Random(0))
    one = seeding.trial(search, 1, architecture, cell=seeding.record(V1, "DARTS-V1"), valid_accuracy=0.90)
    two = seeding.trial(search, 2, architecture, cell=seeding.record(V2, "DARTS-V2"), valid_accuracy=0.92)
    return one, two


def test_a_line_says_every_cell():
    space = NASNetSpace(NASNetConfig(blocks=6))
    for seed in range(20):
        cells = space.cells(space.sample(random.Random(seed)))
        assert notation.from_line(notation.to_line(cells)) == cells
    assert notation.from_line(notation.to_line(zoo.get("nasnet-a").cells)) == zoo.get("nasnet-a").cells


@pytest.mark.parametrize(
    "text",
    [
        "", ";", "0-identity-1:2;0-identity-1-identity:2", "0-nothing-1-identity:2;0-identity-1-identity:2", "x;y",
        "0-identity-9-identity:2;" * 2, "0-identity-1-identity-add-add:2;0-identity-1-identity:2", ";" + "9" * 5000,
    ],
)  # fmt: skip
def test_a_broken_line_is_refused_with_a_reason(text):
    with pytest.raises(ConfigError):
        notation.from_line(text)


def test_cells_are_meant_by_hash_name_or_written_out(measured):
    key = measured[0].cell_id
    assert (
        cell_meant(key).key
        == cell_meant(key[:9]).key
        == cell_meant("darts-v1").key
        == cell_meant("DARTS-V1").key
        == key
    )
    assert cell_meant(notation.to_line(V1)).key == key
    fresh = cell_meant("0-identity-1-identity:2;0-identity-1-identity:2")
    assert fresh._state.adding and len(fresh.cells) == 2
    for text in ("", "nothing", "abcdef0123"):
        with pytest.raises(ConfigError):
            cell_meant(text)


@pytest.mark.parametrize("names", [("darts-v1", "darts-v2"), ("nasnet-a", "amoebanet-c"), ("darts-v1", "nasnet-a")])
def test_both_cells_are_drawn_over_one_layout(names):
    for a, b in zip(*(zoo.get(name).cells for name in names), strict=True):
        found = difference(a, b, align(a, b))
        places = {}
        for side, cell in (("a", a), ("b", b)):
            assert len(found[side]["nodes"]) == len(cell.nodes)
            assert len(found[side]["edges"]) == sum(len(node.inputs) for node in cell.nodes)
            for node in found[side]["nodes"]:
                assert places.setdefault(node["id"], (node["rank"], node["lane"])) == (node["rank"], node["lane"])
        for edge in (*found["a"]["edges"], *found["b"]["edges"]):
            ranks = [places[edge["from"]][0], *(rank for rank, _ in edge["via"]), places[edge["to"]][0]]
            assert ranks == list(range(ranks[0], ranks[-1] + 1))
        assert {node["id"] for node in found["over"]["nodes"]} == set(places)
        ends = [(edge["from"], edge["to"]) for edge in found["over"]["edges"]]
        assert len(ends) == len(set(ends)) and json.dumps(found)


def test_what_differs_is_marked():
    a = Cell("normal", (Block(0, "identity", 1, "sep_conv_3x3"),), (2,))
    b = Cell("normal", (Block(1, "sep_conv_5x5", 0, "identity"), Block(2, "conv_1x1", 1, "identity")), (3,))
    found = difference(a, b, align(a, b))
    marks = {node["id"]: node["diff"] for node in found["over"]["nodes"]}
    assert marks["b1r"] == "changed" and marks["b1l"] == "same" and marks["+s3"] == "added"
    changed = next(node for node in found["over"]["nodes"] if node["id"] == "b1r")
    assert (changed["was"], changed["label"]) == ("sep 3×3", "sep 5×5")
    edges = {(edge["from"], edge["to"]): edge["diff"] for edge in found["over"]["edges"]}
    assert edges["s2", "concat"] == "removed" and edges["+s3", "concat"] == "added" and edges["s0", "b1l"] == "same"


def test_costs_of_the_edits_add_up_to_the_difference(measured):
    found = compare(measured[0].cell, measured[1].cell)
    assert found.distance == 6 and found.exact and found.shared
    assert found.accuracy == pytest.approx(0.02)
    assert sum(row.params for row in found.rows) == found.params == found.b.network.params - found.a.network.params
    assert sum(row.macs for row in found.rows) == found.macs
    words = [(row.kind, row.where, row.before, row.after) for row in found.rows]
    assert words[0] == ("normal", "block 2, left", ("identity", ["h(i−1)"]), ("sep_conv_3x3", ["h(i−1)"]))


def test_page_compares_under_a_shared_protocol_only(signed_in, measured):
    text = signed_in.get("/cells/diff/?a=darts-v1&b=darts-v2").content.decode()
    assert "DARTS-V1 and DARTS-V2" in text and "6 decisions differ." in text and "+2.00" in text
    assert "one protocol, so the difference counts" in text and "+1960" in text
    other = signed_in.get("/cells/diff/?a=darts-v1&b=nasnet-a").content.decode()
    assert "no protocol measured both" in other


def test_equal_cells_are_called_equal(signed_in, measured):
    text = signed_in.get("/cells/diff/?a=darts-v1&b=darts-v1").content.decode()
    assert "The same architecture" in text and "Nothing differs." in text


def test_latencies_of_two_devices_are_not_compared(measured):
    one, two = measured
    assert compare(one.cell, two.cell).latency == pytest.approx(two.latency - one.latency)
    type(two).objects.filter(pk=two.pk).update(device={"kind": "cuda", "name": "Another"})
    assert compare(one.cell, two.cell).latency is None


def test_two_ticked_rows_become_an_address(signed_in, measured):
    keys = [trial.cell_id for trial in measured]
    response = signed_in.get("/cells/diff/", {"cell": keys})
    assert response.status_code == 302 and response.url == f"/cells/diff/?a={keys[0]}&b={keys[1]}"


def test_one_cell_asks_for_the_other_and_offers_some(signed_in, measured):
    text = signed_in.get("/cells/diff/?a=darts-v1").content.decode()
    assert "Compare DARTS-V1 with" in text and measured[1].cell_id in text
    assert signed_in.get("/cells/diff/").status_code == 200
    wrong = signed_in.get("/cells/diff/?a=darts-v1&b=nonsense")
    assert wrong.status_code == 400 and "is no cell known here" in wrong.content.decode()


def test_difference_as_data(signed_in, measured):
    found = signed_in.get("/cells/diff.json?a=darts-v1&b=darts-v2").json()
    assert found["distance"] == 6 and found["exact"] and found["difference"]["accuracy"] == pytest.approx(0.02)
    assert {change["kind"] for change in found["cells"]["normal"]["changes"]} == {"operation"}
    assert signed_in.get("/cells/diff.json?a=x&b=y").status_code == 400
