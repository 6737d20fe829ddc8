"""Editing cells on the page: what an edit changes, what it says of the space, and how the cell is kept or trained."""

import json
import random
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from nas_engine import notation, zoo
from nas_engine.cell import Block, Cell, cells_key
from nas_engine.search_config import read_search
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from tests.webapp import seeding
from webapp.models import CellRecord, Search
from webapp.results.similar import similar

V2 = zoo.get("darts-v2").cells
LINE = notation.to_line(V2)


@pytest.fixture
def measured(owner):
    """A measured cell of a search's own space."""
    search = seeding.search()
    return seeding.measured(search, 30)[3]


def data_of(response) -> dict:
    text = response.content.decode()
    return json.loads(re.search(r'<script id="edited" type="application/json">(.*?)</script>', text, re.S)[1])


def test_an_edit_changes_costs_drawing_and_address(signed_in, owner):
    before = data_of(signed_in.get("/cells/edit/", {"cells": LINE}))
    response = signed_in.get(
        "/cells/edit/live/", {"cells": LINE, "from": "darts-v2", "set": "normal.2.left_operation=identity"}
    )
    after, text = data_of(response), response.content.decode()
    cells = notation.from_line(after["line"])
    assert cells[0].blocks[1].left_operation == "identity" and cells[1] == V2[1]
    assert sum(p["params"] for p in after["network"]) < sum(p["params"] for p in before["network"])
    assert "1 decision changed" in text and cells_key(cells)[:7] in text
    assert next(n for n in after["layouts"]["normal"]["nodes"] if n["id"] == "b2l")["family"] == "skip"
    assert parse_qs(after["query"])["cells"] == [after["line"]]


def test_without_scripts_an_edit_leads_to_its_own_address(signed_in, owner):
    response = signed_in.get("/cells/edit/", {"cells": LINE, "set": ["normal.1.left_input=1", "normal.4.remove"]})
    asked = parse_qs(urlsplit(response.url).query)
    assert response.status_code == 302 and list(asked) == ["cells"]
    assert len(notation.from_line(asked["cells"][0])[0].blocks) == 3


def test_an_edit_that_cannot_be_done_says_so_and_changes_nothing(signed_in, owner):
    response = signed_in.get("/cells/edit/", {"cells": LINE, "set": "normal.1.left_input=7"})
    assert response.status_code == 400 and "can take states 0 to 1" in response.content.decode()
    assert data_of(response)["line"] == LINE
    for wrong in ({"cells": "nonsense"}, {}, {"cells": "0-bad-1-bad:2;0-bad-1-bad:2"}):
        assert signed_in.get("/cells/edit/", wrong).status_code == 404


def test_the_space_of_the_search_says_whether_it_has_the_cell(signed_in, measured):
    inside = signed_in.get("/cells/edit/", {"from": measured.cell_id, "search": measured.search_id}).content.decode()
    assert ">inside<" in inside and f"{100 * measured.valid_accuracy:.2f}" in inside and "Train this" not in inside
    edit = {"from": measured.cell_id, "search": measured.search_id, "set": "normal.add"}
    outside = signed_in.get("/cells/edit/live/", edit).content.decode()
    assert "This space has 5 blocks; the normal cell has 6." in outside and "Train this" in outside
    edit["set"] = "normal.1.left_operation=dil_conv_5x5"
    assert (
        "This space has no dil 5×5: normal cell, block 1." in signed_in.get("/cells/edit/live/", edit).content.decode()
    )


def test_training_an_edited_cell_queues_it_under_the_same_protocol(signed_in, measured):
    response = signed_in.post("/cells/edit/train/", {"cells": LINE, "search": measured.search_id})
    search = Search.objects.order_by("-pk")[0]
    assert response.url == f"/searches/{search.pk}/" and search.protocol == measured.protocol
    config = read_search(search.config)
    space = config.build_space()
    assert config.budget.trials == space.size() == 1 and space.key(space.sample(random.Random(0))) == cells_key(V2)


def test_training_needs_a_search_whose_protocol_to_take(signed_in, owner):
    response = signed_in.post("/cells/edit/train/", {"cells": LINE}, follow=True)
    assert (
        "There is no search whose protocol could be taken" in response.content.decode() and not Search.objects.exists()
    )


def test_keeping_an_edited_cell_gives_it_a_page(signed_in, owner):
    response = signed_in.post("/cells/edit/keep/", {"cells": LINE})
    assert response.url == f"/cells/{cells_key(V2)}/" and CellRecord.objects.filter(key=cells_key(V2)).exists()
    response = signed_in.post("/cells/edit/keep/", {"cells": LINE, "train": ""})
    assert response.url == f"/trainings/new/?cell={cells_key(V2)}"


def test_looking_stores_nothing(signed_in, owner):
    count = CellRecord.objects.count()
    line = notation.to_line((Cell("normal", (Block(0, "conv_1x1", 0, "conv_1x1"),), (2,)), V2[1]))
    assert signed_in.get("/cells/edit/", {"cells": line}).status_code == 200
    assert signed_in.get("/cells/similar/", {"cell": line}).status_code == 200
    assert signed_in.get("/cells/export/svg/", {"cell": line}).content.startswith(b"<svg")
    assert CellRecord.objects.count() == count


def test_similar_cells_come_nearest_first(signed_in, measured):
    space = read_search(measured.search.config).build_space()
    cells = space.cells(space.sample(random.Random(8)))
    near = space.architecture(*cells)
    rng, trials = random.Random(1), []
    for number in range(60, 63):
        near = space.mutate(near, rng)
        trials.append(seeding.trial(measured.search, number, near))
    found = similar(cells, cells_key(cells), measured.protocol)
    assert [each.distance for each in found.cells[:3]] == [1, 2, 3]
    assert {each.trial.pk for each in found.cells[:3]} == {trial.pk for trial in trials}
    assert found.looked == found.of == 33 and "→" in found.cells[0].changes[0]
    page = signed_in.get("/cells/similar/", {"cell": notation.to_line(cells), "search": measured.search_id})
    assert trials[0].cell_id in page.content.decode()


def test_cells_that_are_no_blocks_cannot_be_edited(signed_in, owner):
    graph = {"kind": "normal", "nodes": [["s0", "input", [], ""], ["out", "output", ["s0"], ""]]}
    record = CellRecord.objects.create(key="ab" * 32, cells=[graph])
    assert signed_in.get("/cells/edit/", {"from": record.key}).status_code == 404


def test_a_larger_space_names_what_differs():
    space = NASNetSpace(NASNetConfig(blocks=4))
    assert cells_key(space.cells(space.architecture(*V2))) != cells_key(V2)  # it stacks what no block uses
