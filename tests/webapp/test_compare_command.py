import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.nas_engine.tables import write_201


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return str(write_201(tmp_path_factory.mktemp("tables") / "t.npz"))


def compare(*arguments: str) -> str:
    out = StringIO()
    call_command("compare", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_one_json_document(table):
    printed = compare(
        "--table", table, "--strategies", "random,regularized_evolution", "--seeds", "7", "--budget-seconds", "2000",
        "--processes", "2", "--set", "regularized_evolution.population=5", "--json",
    )  # fmt: skip
    report = json.loads(printed)
    assert [row["strategy"] for row in report["rows"]] == ["random", "regularized_evolution"]
    assert all(row["seeds"] == 7 and 70 < row["test_mean"] < 100 and row["test_std"] > 0 for row in report["rows"])
    assert report["rows"][1]["settings"]["population"] == 5
    (pair,) = report["pairs"]
    assert pair["n"] == 7 and 1 / 64 <= pair["p"] == pair["p_holm"] <= 1
    assert pair["difference"] == pytest.approx(abs(report["rows"][0]["test_mean"] - report["rows"][1]["test_mean"]))
    assert report["table"]["kind"] == "nas-bench-201" and report["budget"] == {"seconds": 2000.0, "trials": 0}


def test_it_prints_a_table_for_people(table):
    printed = compare(
        "--table", table, "--strategies", "local_search", "--seeds", "2", "--trials", "20", "--processes", "1"
    )
    assert "cifar10_val_e12" in printed and "Local search" in printed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--trials", "5", "--strategies", "magic"], "'magic' is unknown here"),
        (["--strategies", "random"], "Give a budget"),
        (["--trials", "5", "--strategies", "random", "--set", "random.x"], "is not STRATEGY.KEY=VALUE"),
        (["--trials", "5", "--strategies", "random", "--set", "random.x=1"], "random.x"),
        (["--trials", "5", "--strategies", "random", "--seeds", "0"], "at least one strategy"),
        (["--trials", "5", "--strategies", "random", "--dataset", "mars"], "has no mars"),
        (["--trials", "x"], "invalid int value"),
    ],
)
def test_bad_input_is_answered_with_what_to_change(table, arguments, says):
    with pytest.raises(CommandError, match=says) as caught:
        compare("--table", table, *arguments)
    assert caught.value.returncode == 2


def test_a_file_that_is_no_table_is_named(tmp_path):
    with pytest.raises(CommandError, match="cannot be read as a table"):
        compare("--table", str(tmp_path / "none.npz"), "--trials", "5")
