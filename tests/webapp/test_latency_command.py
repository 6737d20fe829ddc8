"""A latency table from the command line."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from nas_engine.blueprint import build_blueprint
from nas_engine.evaluators.latency_layers import sample_cells
from nas_engine.evaluators.latency_table import table_latency
from tests.webapp import seeding
from webapp.management.commands.search import read_config

TINY = ("--set", "space_config.blocks=1", "--set", "skeleton.filters=4", "--samples", "30", "--runs", "1")


def latency(*words: str) -> str:
    out = StringIO()
    call_command("latency", "laptop-demo", *TINY, "--device", "cpu", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def digits(db):
    return seeding.dataset("digits")


def test_a_search_reads_the_table(digits, tmp_path):
    path = tmp_path / "table.csv"
    report = json.loads(latency("--out", str(path), "--check", "2", "--json"))
    assert report["layers"] == len(path.read_text().splitlines()) - 1 and report["samples"] == 30
    assert report["covered"] <= report["further"] == 100 and len(report["checked"]) == 2
    assert all(one["table_ms"] > 0 and one["whole_ms"] > 0 for one in report["checked"])
    changes = ["space_config.blocks=1", "skeleton.filters=4", "evaluator_config.latency=table"]
    config = read_config("laptop-demo", [*changes, f"evaluator_config.latency_table={path}"])
    cells = sample_cells(config.build_space(), 1, config.seed)
    blueprint = build_blueprint(cells, config.skeleton, digits.image_shape, len(digits.classes))
    assert table_latency(config.evaluator_config["latency_table"], cells, blueprint) > 0
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_said_names_the_setting_that_uses_it(digits, tmp_path):
    said = latency("--out", str(tmp_path / "table.csv"), "--check", "0")
    assert f"evaluator_config.latency_table={tmp_path / 'table.csv'}" in said and "whole network" not in said


def test_a_file_is_not_overwritten_unasked(digits, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("mine")
    with pytest.raises(CommandError, match="--overwrite"):
        latency("--out", str(path))
    assert path.read_text() == "mine"
    latency("--out", str(path), "--overwrite", "--check", "0")
    assert path.read_text().startswith("key,ms")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--batch", "0"), "--batch: 0 is too small"),
        (("--device", "tpu"), "'tpu' is not a device"),
        (("--samples", "0"), "one sample at least"),
        (("--check", "-1"), "networks to check"),
        (("--set", "data.dataset=nosuch"), "There is no data set 'nosuch'"),
        (("--out", "/nowhere/table.csv"), "There is no folder /nowhere"),
    ],
)
def test_bad_input_says_what_to_change(digits, tmp_path, words, says):
    with pytest.raises(CommandError, match=says) as caught:
        latency("--out", str(tmp_path / "table.csv"), *words)
    assert caught.value.returncode == 2
