"""The cell page: what it says of a cell, under which protocol, and what it draws."""

import json
import random
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nas_engine import notation, zoo
from nas_engine.architecture import Architecture
from nas_engine.blueprint import build_blueprint
from nas_engine.cell import Cell
from nas_engine.search_config import read_search
from tests.webapp import seeding
from webapp.diagrams.network import strip
from webapp.figures.cell import learning_curves
from webapp.models import CellRecord, Trial
from webapp.results.cell import auxiliary, find_cell, network_of, results_of
from webapp.results.nearby import neighbours
from webapp.templatetags.cells import gained, latency_words, millions, unbroken
from webapp.views.cells import page

LONGER = seeding.SMALL | {"training": seeding.SMALL["training"] | {"epochs": 20}}


@pytest.fixture
def known(db):
    """A measured trial among twenty of its protocol."""
    return seeding.measured(seeding.search(), 20)[4]


def data(response, name: str):
    return json.loads(
        re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', response.content.decode())[1]
    )


def test_page_shows_the_trial_its_rank_and_its_costs(signed_in, known):
    text = signed_in.get(f"/cells/{known.cell_id}/").content.decode()
    rank = 1 + known.search.trials.filter(valid_accuracy__gt=known.valid_accuracy).count()
    assert f"{100 * known.valid_accuracy:.2f}" in text
    assert f'{rank}<span class="unit">of 20</span>' in text
    assert "one training, digits, 8 epochs, N\u00a01, F\u00a08" in text and "Test CPU" in text


def test_costs_are_those_of_the_trials_own_network(signed_in, known):
    response = signed_in.get(f"/cells/{known.cell_id}/")
    config = read_search(known.search.config)
    cells = config.build_space().cells(Architecture("nasnet", tuple(known.choices)))
    network = build_blueprint(cells, config.skeleton, (1, 8, 8), 10)
    sent = data(response, "network")
    assert sum(place["macs"] for place in sent["network"]) == network.macs
    assert sum(place["params"] for place in sent["network"]) == network.params
    assert sent["network"][sent["first"]]["title"] == "normal cell 2"
    nodes = sent["network"][sent["first"]]["nodes"]
    assert set(nodes) == {node["id"] for node in data(response, "layouts")["normal"]["nodes"]}
    used = {name for cell in cells for block in cell.blocks for name in (block.left_operation, block.right_operation)}
    assert set(sent["operations"]) == used


def test_a_beginning_of_the_hash_leads_to_the_cell(signed_in, known):
    response = signed_in.get(f"/cells/{known.cell_id[:9].upper()}/?protocol={known.protocol}")
    assert response.status_code == 302
    assert response.url == f"/cells/{known.cell_id}/?protocol={known.protocol}"


def test_an_ambiguous_beginning_lists_the_cells(signed_in, known):
    twin = known.cell_id[:8] + ("0" if known.cell_id[8] != "0" else "1") + known.cell_id[9:]
    CellRecord.objects.create(key=twin, cells=known.cell.cells)
    text = signed_in.get(f"/cells/{known.cell_id[:7]}/").content.decode()
    assert "2 cells begin with" in text and twin in text and known.cell_id in text


@pytest.mark.parametrize("key", ["abcdef", "zzzzzzzz", "0" * 65, "0" * 64, "%25%25%25%25%25%25%25"])
def test_unknown_keys_are_not_found(signed_in, known, key):
    assert signed_in.get(f"/cells/{key}/").status_code == 404
    assert find_cell(key) == (None, [])


def test_protocol_chooses_the_result(signed_in, known):
    longer = seeding.search(LONGER | {"name": "Longer"})
    other = seeding.trial(longer, 1, Architecture("nasnet", tuple(known.choices)), cell=known.cell)
    assert [result.fingerprint for result in results_of(known.cell)] == [known.protocol, other.protocol]
    text = signed_in.get(f"/cells/{known.cell_id}/?protocol={other.protocol}").content.decode()
    assert '1<span class="unit">of 1</span>' in text and "20 epochs, Test CPU" in text
    assert f"?protocol={known.protocol}" in text


def test_reused_trials_are_listed_and_counted(signed_in, known):
    again = seeding.search(seeding.SMALL | {"name": "Again", "strategy": "ppo"})
    seeding.trial(
        again, 7, Architecture("nasnet", tuple(known.choices)), cell=known.cell, state="reused", same_as=known
    )
    (result,) = results_of(known.cell)
    assert (result.measured, result.reused, result.of) == (known, 1, 20)
    text = signed_in.get(f"/cells/{known.cell_id}/").content.decode()
    assert "proposed 1 more time and not trained again" in text and f"search {again.pk}, trial 7" in text


def test_a_cell_that_is_still_in_training_has_no_numbers_to_show(signed_in, known):
    fields = dict.fromkeys(("valid_accuracy", "reward", "params", "macs", "latency", "seconds", "ended"))
    architecture = read_search(LONGER).build_space().sample(random.Random(5))
    waiting = seeding.trial(seeding.search(LONGER), 1, architecture, state="running", curve=[], device={}, **fields)
    text = signed_in.get(f"/cells/{waiting.cell_id}/").content.decode()
    assert "Not measured yet" in text and "Weights can be had once the cell is measured." in text
    assert "No trial of this cell has finished" in text


def test_a_cell_without_trials_is_costed_in_the_papers_network(signed_in, owner):
    published = seeding.record(zoo.get("nasnet-a").cells, "NASNet-A")
    text = signed_in.get(f"/cells/{published.key}/").content.decode()
    assert "3\u202f346\u202f538" in text and "Costs are those of its paper’s network" in text
    network, skeleton = network_of(zoo.get("nasnet-a").cells, None)
    assert (network.params, network.macs, skeleton.repeats) == (3346538, 544333312, 6)


def test_notations_are_readable_back(signed_in, owner):
    published = seeding.record(zoo.get("nasnet-a").cells, "NASNet-A")
    context = page(published, [], None)
    for name, _, text, problem in context["notations"]:
        assert not problem and notation.from_text(text) == zoo.get("nasnet-a").cells, name
    assert "    normal_concat=[0, 2, 3, 4, 5, 6],\n" in {n: t for n, _, t, _ in context["notations"]}["darts"]


def test_a_notation_that_cannot_say_it_gives_its_reason_and_another_is_shown(signed_in, owner):
    cells = tuple(
        Cell.from_json({"kind": kind, "blocks": [[0, "identity", 1, "conv_1x1", "concat"]], "concat": [2]})
        for kind in ("normal", "reduction")
    )
    context = page(seeding.record(cells), [], None)
    found = {name: (text, problem) for name, _, text, problem in context["notations"]}
    assert context["written"] == "json" and found["json"][0] and "concatenates" in found["darts"][1]
    assert notation.from_text(found["json"][0]) == cells


def test_neighbours_differ_by_one_decision(known):
    space = read_search(known.search.config).build_space()
    at = next(i for i, choice in enumerate(space.choices) if choice.name == "normal.1.left_operation")
    changed = list(known.choices)
    changed[at] = (changed[at] + 1) % len(space.choices[at].options)
    near = seeding.trial(known.search, 99, Architecture("nasnet", tuple(changed)), valid_accuracy=0.5)
    found = [each for each in neighbours(known) if each.trial == near]
    assert len(found) == 1 and found[0].gain == pytest.approx(0.5 - known.valid_accuracy)
    assert re.fullmatch(r"normal, block 1 left: .+ → .+", found[0].change) and found[0].kind == "normal"


def test_neighbours_under_another_protocol_do_not_count(known):
    changed = [*known.choices[:-1], 1 - known.choices[-1]]
    seeding.trial(seeding.search(LONGER), 1, Architecture("nasnet", tuple(changed)))
    assert neighbours(known) == []


def test_number_of_queries_is_fixed(signed_in, known):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert signed_in.get(f"/cells/{known.cell_id}/").status_code == 200
        return len(queries)

    before = count()
    again = seeding.search(seeding.SMALL | {"name": "Again"})
    for number in range(1, 9):
        architecture = Architecture("nasnet", tuple(known.choices))
        seeding.trial(again, number, architecture, cell=known.cell, state="reused", same_as=known, curve=[])
    seeding.trial(seeding.search(LONGER), 1, Architecture("nasnet", tuple(known.choices)), cell=known.cell)
    seeding.measured(known.search, 50, seed=8)
    assert count() == before <= 15


def test_learning_curves_draw_every_known_curve_first_one_leading():
    steps = [{"epoch": e, "valid_accuracy": e / 10} for e in range(1, 6)]
    figure = learning_curves([("a", steps), ("b", steps[:2]), ("c", [])])
    assert [(len(mark["x"]), mark["name"]) for mark in figure["data"]] == [(5, "a"), (2, "b")]
    assert "a ends at 50.00\u00a0% after 5 epochs" in figure["label"]
    assert learning_curves([("c", []), ("d", [{"epoch": 1}])]) is None


def test_names_given_by_users_are_escaped_in_text_and_in_scripts(signed_in, owner):
    trial = seeding.measured(seeding.search(seeding.SMALL | {"name": "</script><b>x"}), 1)[0]
    text = signed_in.get(f"/cells/{trial.cell_id}/").content.decode()
    assert "</script><b>x" not in text and "&lt;/script&gt;&lt;b&gt;x" in text


@pytest.mark.parametrize(("kind", "cells"), [("normal", 1), ("reduction", 1), ("both", 2)])
def test_svg_files(signed_in, known, kind, cells):
    response = signed_in.get(f"/cells/{known.cell_id}/{kind}.svg?theme=dark&download")
    assert response["Content-Type"] == "image/svg+xml"
    assert response["Content-Disposition"] == f'attachment; filename="{known.cell_id[:7]}-{kind}.svg"'
    assert response.content.count(b">concat<") == cells and b"#61cd9e" in response.content


def test_svg_file_is_shown_unless_it_is_to_be_downloaded(signed_in, known):
    assert "Content-Disposition" not in signed_in.get(f"/cells/{known.cell_id}/normal.svg")
    assert signed_in.get(f"/cells/{known.cell_id}/sideways.svg").status_code == 404
    assert signed_in.get(f"/cells/{known.cell_id}/normal.svg?theme=pink").status_code == 404


def test_genotype_file(signed_in, owner):
    published = seeding.record(zoo.get("nasnet-a").cells, "NASNet-A")
    response = signed_in.get(f"/cells/{published.key}/cell.json")
    found = json.loads(response.content)
    assert response["Content-Disposition"] == 'attachment; filename="NASNet-A.json"'
    assert found["key"] == published.key and found["cells"] == published.cells
    assert notation.from_text(found["darts"]) == notation.from_text(found["nasnet"]) == zoo.get("nasnet-a").cells


@pytest.mark.parametrize("path", ["", "normal.svg", "cell.json"])
def test_strangers_are_sent_to_the_login(client, known, path):
    response = client.get(f"/cells/{known.cell_id}/{path}")
    assert response.status_code == 302 and response.url.startswith("/login/")


def test_numbers_as_columns_show_them():
    assert [millions(n) for n in (163_000_000, 1_012_345, 48_200, 5_010, None)] == [
        "163",
        "1.01",
        "0.048",
        "0.0050",
        "",
    ]
    assert [gained(x) for x in (0.0011, -0.0038, 0.00001, -0.00001)] == ["+0.11", "\u22120.38", "0.00", "0.00"]
    assert unbroken("digits, 8 epochs, N 1, F 8") == "digits, 8 epochs, N\u00a01, F\u00a08"


def test_network_shows_stages_table_and_where_an_auxiliary_head_goes(signed_in, owner):
    published = seeding.record(zoo.get("nasnet-a").cells, "NASNet-A")
    text = signed_in.get(f"/cells/{published.key}/").content.decode()
    rows = re.findall(r"<tr><td>([a-z0-9 ]+)</td>", text[text.index('class="placements"') :])
    assert rows[:2] == ["stem", "normal cell 1"] and "reduction 2" in rows and rows[-1] == "auxiliary head"
    network, skeleton = network_of(zoo.get("nasnet-a").cells, None)
    at, params = auxiliary(zoo.get("nasnet-a").cells, skeleton, network.image_shape, network.classes)
    with_aux = build_blueprint(zoo.get("nasnet-a").cells, skeleton, network.image_shape, network.classes, aux=True)
    assert params == with_aux.aux_params and network.placements[at].kind == "normal"
    assert "aux head" in text and network.placements[at + 1].kind == "reduction"
    _, stages = strip(network)
    assert sum(stage.share for stage in stages) == pytest.approx(1) and [stage.words for stage in stages][-1] == "head"


def test_a_latency_says_how_it_was_obtained(db):
    device = {"kind": "cpu", "name": "Test CPU"}
    trial = Trial(device=device, latency=0.004)
    assert latency_words(trial) == "median, batch 1, Test CPU"
    trial.latency_about = {
        "way": {"source": "measured"}, "runs": 40, "p95": 0.005, "batch": 2, "threads": 1, "precision": "float32",
        "device": device,
    }  # fmt: skip
    assert latency_words(trial) == "median of 40, p95 5.00\N{NO-BREAK SPACE}ms, batch 2, 1 thread, Test CPU"
    trial.latency_about = {"way": {"source": "table", "table": "a.csv"}}
    assert latency_words(trial) == "from a table"
