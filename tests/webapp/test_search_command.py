"""Searches from the command line: what is read, what is printed, with which exit status."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from nas_engine.errors import ConfigError
from tests.webapp import seeding
from webapp.console import outcome, progress
from webapp.management.commands.search import Command, read_config
from webapp.models import Search, Trial


def test_a_preset_with_changes():
    config = read_config("laptop-demo", ["training.epochs=3", "data.dataset=mnist", "space_config.blocks=2"])
    assert (config.training.epochs, config.data.dataset, config.space_config["blocks"]) == (3, "mnist", 2)


def test_a_file(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"strategy": "random", "budget": {"trials": 7}}))
    assert read_config(str(file), []).budget.trials == 7


@pytest.mark.parametrize(
    ("named", "changes", "says"),
    [
        ("nosuch", [], "nosuch is neither a preset"),
        ("laptop-demo", ["training.epochs=0"], "training.epochs: 0 is too small"),
        ("laptop-demo", ["training.speed=1"], "training.speed: is not a setting"),
        ("laptop-demo", ["name.first=Ada"], "name.first: name has no fields of its own"),
        ("laptop-demo", ["epochs"], "write FIELD=VALUE"),
    ],
)
def test_bad_input_says_what_to_change(named, changes, says):
    with pytest.raises(ConfigError, match=says):
        read_config(named, changes)


@pytest.mark.parametrize("text", ["{", "[1]", '"name"'])
def test_a_file_that_holds_no_configuration(tmp_path, text):
    file = tmp_path / "config.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match="JSON"):
        read_config(str(file), [])


def test_bad_input_ends_with_status_2_and_one_line(db):
    with pytest.raises(CommandError) as refused:
        call_command("search", "laptop-demo")
    assert refused.value.returncode == 2
    assert str(refused.value) == "data.dataset: There is no data set 'digits'. Known: none yet."


def test_a_started_search_is_one_json_document(db, monkeypatch, capsys):
    seeding.dataset()
    out = StringIO()
    call_command("search", "laptop-demo", "--json", stdout=out)
    printed = json.loads(out.getvalue())
    found = Search.objects.get()
    assert (printed["search"], printed["state"], printed["trials"], printed["best"]) == (found.pk, "queued", [], None)
    assert found.owner.is_superuser
    said = capsys.readouterr()
    assert said.out == ""
    assert "No search worker and no train worker is alive, so the search waits." in said.err


def test_waiting_ends_with_the_leaderboard_or_with_status_1(db, monkeypatch, capsys):
    seeding.dataset()
    monkeypatch.setattr(progress, "INTERVAL", 0)

    def end(state):
        def watched(search):
            Search.objects.filter(pk=search.pk).update(state=state, reason="Its trials are done.")
            return progress.watch(search)

        return watched

    monkeypatch.setattr("webapp.management.commands.search.watch", end("finished"))
    out = StringIO()
    call_command("search", "laptop-demo", "--wait", stdout=out)
    assert "Digits, a first look" in out.getvalue()
    assert "finished: Its trials are done." in capsys.readouterr().err
    monkeypatch.setattr("webapp.management.commands.search.watch", end("stopped"))
    with pytest.raises(SystemExit) as ended:
        call_command("search", "laptop-demo", "--wait", "--json", stdout=out)
    assert ended.value.code == 1


def test_the_report_holds_every_trial_and_the_best(db):
    found = seeding.search()
    measured = seeding.measured(found, 3)
    failed = measured[1]
    Trial.objects.filter(pk=failed.pk).update(state="failed", reward=None, valid_accuracy=None, error="loss became NaN")
    printed = json.loads(json.dumps(outcome.report(found), allow_nan=False))
    assert [trial["number"] for trial in printed["trials"]] == [1, 2, 3]
    assert {"number", "state", "valid_accuracy", "params", "macs", "seconds", "key"} <= set(printed["trials"][0])
    assert printed["trials"][1]["error"] == "loss became NaN"
    others = [measured[0], measured[2]]
    assert printed["best"]["number"] == max(others, key=lambda trial: trial.reward).number


def test_the_leaderboard_shows_each_cell_once(db):
    found = seeding.search()
    first, second = seeding.measured(found, 2)
    Trial.objects.filter(pk=second.pk).update(cell=first.cell, reward=first.reward)
    table = outcome.leaderboard(found)
    assert table.count(first.cell.short) == 1 and "%" in table


def test_time_left_is_estimated_from_the_time_used(db):
    found = seeding.search(state="running", active_seconds=30.0)
    seeding.measured(found, 3)
    total = found.config["budget"]["trials"]
    assert progress._left(found, 3).startswith(progress.duration(10 * (total - 3)))
    assert progress._left(found, 0) == ""


def test_the_command_describes_itself():
    assert "laptop-demo" in Command.help
