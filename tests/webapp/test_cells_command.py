"""``manage.py cells``."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from nas_engine import zoo
from nas_engine.cell import cells_key
from webapp.models import CellRecord

ROOT = Path(__file__).parents[2]


def cells(*arguments):
    out = io.StringIO()
    call_command("cells", *arguments, stdout=out)
    return out.getvalue()


def shown(*arguments):
    return json.loads(cells("show", *arguments, "--json"))


def test_list_names_every_published_cell():
    rows = json.loads(cells("list", "--json"))
    assert [row["name"] for row in rows] == list(zoo.names())
    assert rows[0]["figures"][0] == {"network": "CIFAR-10 6@768", "params": 3.3, "macs": None, "error": 3.41} | {
        "measured": {"params": 3_346_538, "macs": 544_333_312}
    }
    text = cells("list")
    assert all(name in text for name in zoo.names())


def test_show_takes_n_and_the_filters_before_the_classifier():
    for size in (["4@1056"], ["--filters", "4@1056"], ["--repeats", "4", "--filters", "44"]):
        data = shown("nasnet-a", *size, "--skeleton", "imagenet", "--aux")
        assert (data["params"], data["macs"], data["aux_params"]) == (5_289_978, 563_638_816, 2_411_240)
    assert shown("nasnet-a", "--filters", "@768", "--repeats", "6")["params"] == 3_346_538


def test_show_builds_by_the_rules_of_the_released_code():
    assert shown("pnasnet-5", "3@1080", "--skeleton", "imagenet")["params"] == 5_064_487
    assert shown("darts-v2", "--layers", "20", "--filters", "36")["params"] == 3_349_342
    assert shown("enas-micro", "--repeats", "5", "--filters", "36")["params"] == 3_894_372
    by_darts = shown("enas-micro", "--layers", "20", "--filters", "36", "--dialect", "darts")
    assert by_darts["params"] == 4_394_710
    large = ["nasnet-a", "6@4032", "--skeleton", "imagenet", "--stem-filters", "96", "--skip-reduction"]
    assert shown(*large, "--image-size", "331")["params"] == 88_753_150


def test_show_accounts_for_every_node():
    data = shown("nasnet-a", "--image-size", "28x20", "--channels", "1", "--classes", "3")
    assert data["image_shape"] == [1, 28, 20] and data["classes"] == 3
    ends = sum(part["params"] for part in data["placements"] if part["kind"] in ("stem", "head"))
    assert data["params"] == ends + sum(node["params"] for node in data["nodes"])
    first = next(node for node in data["nodes"] if node["id"] == "b1l")
    assert first["operation"] == "sep_conv_5x5" and first["placement"] == "cells.0" and first["shape"] == [32, 28, 20]


def test_show_draws_tables():
    text = cells("show", "nasnet-a", "6@768")
    assert "3,346,538 parameters, 544,333,312 multiply-accumulates" in text
    assert "sep_conv_5x5" in text and "192×32×32" in text


@pytest.mark.django_db
def test_show_finds_a_recorded_cell_by_the_beginning_of_its_hash():
    entry = zoo.get("amoebanet-b")
    key = cells_key(entry.cells)
    CellRecord.objects.create(key=key, cells=[cell.as_json() for cell in entry.cells])
    found = shown(key[:7], "--repeats", "1", "--filters", "8")
    assert found["key"] == key and found["params"] == shown("amoebanet-b", "1@128")["params"]

    CellRecord.objects.create(key=key[:10] + "0" * 54, cells=[])
    with pytest.raises(CommandError, match="Several"):
        cells("show", key[:8])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show"], "Name a cell"),
        (["show", "nasnet-z"], "nasnet-a, pnasnet-5"),
        (["show", "0123abc"], "no cell '0123abc'"),
        (["show", "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"], "known from a table alone"),
        (["show", "|none~0|"], "three groups"),
        (["show", "nasnet-a", "5@1538"], "nearest is 1536"),
        (["show", "nasnet-a", "--filters", "lots"], "neither"),
        (["show", "nasnet-a", "--filters", "31"], "30 or 32"),
        (["show", "nasnet-a", "--repeats", "0"], "too small"),
        (["show", "nasnet-a", "--image-size", "4"], "8×8"),
        (["show", "nasnet-a", "--image-size", "big"], "28x36"),
        (["show", "nasnet-a", "--classes", "0"], "class"),
        (["show", "enas-micro", "--skeleton", "imagenet"], "ENAS has no ImageNet"),
        (["show", "nasnet-a", "--dialect", "jax"], "invalid choice"),
        (["draw"], "invalid choice"),
    ],
)
def test_bad_input_says_what_to_change(arguments, says):
    with pytest.raises(CommandError) as caught:
        cells(*arguments)
    assert says in str(caught.value) and "\n" not in str(caught.value) and caught.value.returncode == 2


@pytest.mark.parametrize("arguments", [["show", "nasnet-a", "--frobnicate"], ["show", "nasnet-a", "--filters", "31"]])
def test_bad_input_ends_with_status_2_and_one_line(arguments):
    command = [sys.executable, "manage.py", "cells", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1


def test_show_counts_a_supernet():
    data = shown("darts-supernet", "--skeleton", "cifar", "--layers", "8", "--filters", "16")
    assert (data["params"], data["macs"], data["aux_params"]) == (1_930_618, 300_255_744, 0)
    assert len(data["nodes"]) == 8 * 14
    assert set(data["nodes"][0]["operations"]) == set(data["operations"])
    assert shown("darts-supernet")["params"] == 1_930_618
    assert "300,255,744" in cells("show", "darts-supernet")
    assert shown("pc-darts-supernet")["params"] < 1_000_000
    assert shown("enas-supernet")["skeleton"]["filters"] == 20


@pytest.mark.parametrize(
    "options",
    [["--skeleton", "imagenet"], ["--dialect", "tf"], ["--aux"], ["4@64"], ["--filters", "4@64"], ["--filters", "7"]],
)
def test_a_supernet_refuses_what_makes_no_sense_for_it(options):
    with pytest.raises(CommandError) as caught:
        cells("show", "darts-supernet", *options)
    assert caught.value.returncode == 2


def test_random_graphs_are_named_by_their_generator():
    data = shown("randwire:ba(5):seed=3", "--filters", "78")
    assert (data["params"], data["macs"], data["aux_params"]) == (5_677_900, 583_760_444, 0)
    assert data["skeleton"]["kind"] == "imagenet" and data["skeleton"]["whole"]
    assert [graph["edges"] for graph in data["graphs"]] == [135, 135, 135]
    assert len(data["nodes"]) == 3 * 34
    assert data["params"] == sum(place["params"] for place in data["placements"])
    text = cells("show", "randwire:ws(4,0.75)", "--skeleton", "cifar", "--filters", "16")
    assert "stage 2, node by node" in text and "path length" in text
    odd = shown("randwire:ws(4,0.75):regime=regular:seed=1,2,3,4", "--filters", "109")
    assert [place["kind"] for place in odd["placements"]] == ["stem", *(f"stage {n}" for n in (1, 2, 3, 4)), "head"]


@pytest.mark.parametrize("name", ["randwire:ws(3,0.5)", "randwire:ba(40)", "randwire:ba(5):sede=1", "randwire:"])
def test_random_graphs_that_cannot_be_drawn_are_refused(name):
    with pytest.raises(CommandError) as caught:
        cells("show", name)
    assert caught.value.returncode == 2


def test_show_takes_cells_that_are_a_whole_network():
    data = shown("mnasnet-a1")
    assert (data["params"], data["macs"], data["aux_params"]) == (3_887_038, 311_579_072, 0)
    ends = sum(part["params"] for part in data["placements"] if part["kind"] in ("stem", "head"))
    assert data["params"] == ends + sum(node["params"] for node in data["nodes"])
    assert shown("mnasnet-a1", "--image-size", "32", "--classes", "10")["macs"] < data["macs"]
    text = cells("show", "mnasnet-b1")
    assert "4,383,312 parameters" in text and "block 7, node by node" in text
    with pytest.raises(CommandError, match="whole network"):
        cells("show", "mnasnet-a1", "--filters", "32")
