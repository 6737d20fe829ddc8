"""``manage.py train`` and ``export``."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from nas_engine import notation, zoo
from nas_engine.cell import cells_key
from tasks import messages
from tests.webapp import seeding
from tests.webapp.test_trainings import bundle, finish
from webapp.console import training as console
from webapp.models import CellRecord, FullTraining
from webapp.services.trainings import stop_training

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[2]
TINY = ("--set", "skeleton.repeats=1", "--set", "skeleton.filters=4", "--set", "schedule.epochs=4")


@pytest.fixture(autouse=True)
def alone(monkeypatch, settings, tmp_path):
    """Without Redis, and with a folder for bundles that goes away."""
    monkeypatch.setattr(messages, "send", lambda *arguments: True)
    settings.MODELS_DIR = tmp_path / "models"
    seeding.dataset()


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def train(*words: str) -> dict:
    return json.loads(run("train", *words, "--dataset", "digits", "--json"))


def test_a_published_cell_is_trained_under_a_preset_with_changes():
    data = train("darts-v2", *TINY, "--seeds", "3", "--name", "Mine")
    found = FullTraining.objects.get(pk=data["training"])
    assert data["state"] == "queued" and data["test_accuracy"] is None and data["bundle"] is None
    assert data["params"] == found.params and data["macs"] == found.macs and data["cell"] == found.cell_id
    assert found.name == "Mine" and found.runs.count() == 3
    assert found.config["skeleton"]["dialect"] == "darts" and found.config["augmentation"]["flip"] is False


@pytest.mark.parametrize("how", ["hash", "file", "text", "json"])
def test_a_cell_may_be_named_in_many_ways(tmp_path, how):
    cells = zoo.get("p-darts").cells
    path = tmp_path / "cell.txt"
    path.write_text(notation.to_darts(cells))
    seeding.record(cells)
    named = {
        "hash": cells_key(cells)[:7],
        "file": str(path),
        "text": notation.to_darts(cells),
        "json": notation.to_json(cells),
    }
    assert train(named[how], *TINY)["cell"] == cells_key(cells)
    assert CellRecord.objects.count() == 1


def test_a_protocol_may_be_a_file_and_a_limit(tmp_path):
    path = tmp_path / "protocol.json"
    path.write_text(json.dumps({"skeleton": {"repeats": 1}, "schedule": {"epochs": 2}}))
    limit = ("--set", "fit.measure=params", "--set", "fit.most=50000")
    data = train("darts-v2", "--protocol", str(path), *limit)
    assert 30_000 < data["params"] <= 50_000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nonsense"], "There is no cell 'nonsense'"),
        (["Genotype(normal=[('sep_conv_9x9', 0), ('none', 1)], normal_concat=[2])"], "lacks reduce"),
        (["darts-v2", "--set", "schedule.epochs=0"], "schedule.epochs: 0 is too small"),
        (["darts-v2", "--set", "schedule.epochs"], "write FIELD=VALUE"),
        (["darts-v2", "--set", "schedul.epochs=3"], "is not a setting"),
        (["darts-v2", "--protocol", "forever"], "neither a preset (quick, "),
        (["darts-v2", "--seeds", "0"], "seeds: 0 is too small"),
        (["darts-v2", "--set", "fit.measure=macs", "--set", "fit.most=10"], "Even the smallest network"),
    ],
)
def test_bad_input_says_what_to_change(words, says):
    with pytest.raises(CommandError) as caught:
        train(*words)
    assert says in str(caught.value) and "\n" not in str(caught.value) and caught.value.returncode == 2
    assert not FullTraining.objects.exists()


def test_an_unknown_data_set_is_named():
    with pytest.raises(CommandError, match="no data set 'leaves'. Known: digits"):
        run("train", "darts-v2", "--dataset", "leaves")


def test_missing_arguments_end_with_status_2_and_one_line():
    for words in (("train", "darts-v2"), ("export", "x", "--out", "y"), ("export", "1")):
        done = subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1


def test_waiting_ends_with_the_result(monkeypatch):
    found = []

    def work(seconds):
        """What a worker does while the command waits."""
        training = FullTraining.objects.get()
        for one in training.runs.filter(state="queued"):
            found.append(finish(one, 0.95, bundle()))

    monkeypatch.setattr(console.time, "sleep", work)
    data = train("darts-v2", *TINY, "--wait")
    assert data["state"] == "finished" and data["test_accuracy"] == 0.95
    assert Path(data["bundle"]).read_bytes() == bundle() and data["runs"][0]["seconds"] == 65.0


def test_a_training_that_does_not_finish_ends_the_command_with_status_1(monkeypatch):
    monkeypatch.setattr(console.time, "sleep", lambda seconds: stop_training(FullTraining.objects.get()))
    with pytest.raises(SystemExit) as caught:
        run("train", "darts-v2", "--dataset", "digits", *TINY, "--wait")
    assert caught.value.code == 1


def test_export_writes_the_files_and_spoils_none(tmp_path):
    training = FullTraining.objects.get(pk=train("darts-v2", *TINY, "--seeds", "2")["training"])
    with pytest.raises(CommandError, match="is queued: no seed is done yet"):
        run("export", str(training.pk), "--out", str(tmp_path / "out"))
    second = training.runs.get(seed=1)
    finish(second, 0.95, bundle())
    data = json.loads(run("export", str(training.pk), "--out", str(tmp_path / "out"), "--json"))
    assert data["seed"] == 1 and data["test_accuracy"] == 0.95
    with zipfile.ZipFile(io.BytesIO(bundle())) as archive:
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(archive.namelist())
    assert "files in" in run("export", str(training.pk), "--out", str(tmp_path / "out")), "again changes nothing"
    (tmp_path / "out" / "model.py").write_text("mine")
    with pytest.raises(CommandError, match="model.py is there already and differs"):
        run("export", str(training.pk), "--out", str(tmp_path / "out"))
    assert (tmp_path / "out" / "model.py").read_text() == "mine"
    with pytest.raises(CommandError, match="Seed 7 has no model. Done: 1."):
        run("export", str(training.pk), "--seed", "7", "--out", str(tmp_path))
    with pytest.raises(CommandError, match=f"Those with a model: {training.pk}"):
        run("export", "12345", "--out", str(tmp_path))
