"""Weights, the images to check them with, and asking for weights that were not kept."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nas_engine.datasets import prepare
from nas_engine.export.weights import read_meta
from tests.webapp import seeding
from webapp.models import Weights, WeightsRequest
from webapp.views.downloads import safe_name


@pytest.fixture
def trial(db):
    return seeding.measured(seeding.search(), 1)[0]


@pytest.fixture
def sent(monkeypatch):
    """What would be put on the queue."""
    from tasks import messages

    put = []
    monkeypatch.setattr(messages, "train_weights", lambda *words: put.append(words), raising=True)
    monkeypatch.setattr(messages, "after_commit", lambda message, *words: message(*words))
    return put


def unpacked(response) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_bundle_holds_the_weights_and_what_rebuilds_the_network(signed_in, trial):
    packed = seeding.weights(trial)
    response = signed_in.get(f"/trials/{trial.pk}/bundle.zip")
    name = f"{trial.cell_id[:7]}-search-{trial.search_id}-trial-1.zip"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    files = unpacked(response)
    assert set(files) == {"weights.safetensors", "architecture.json", "model.py", "README.md", "SHA256SUMS"}
    assert files["weights.safetensors"] == packed and int(response["Content-Length"]) > len(packed)
    assert json.loads(files["architecture.json"])["key"] == trial.cell_id
    assert read_meta(packed)["cells"] == trial.cell.cells
    assert hashlib.sha256(packed).hexdigest().encode() in files["SHA256SUMS"]


def test_a_reused_trial_hands_out_the_weights_of_the_one_trained(signed_in, trial):
    packed = seeding.weights(trial)
    again = seeding.search(seeding.SMALL | {"name": "Again"})
    architecture = seeding.Architecture("nasnet", tuple(trial.choices))
    reused = seeding.trial(again, 1, architecture, cell=trial.cell, state="reused", same_as=trial)
    assert unpacked(signed_in.get(f"/trials/{reused.pk}/bundle.zip"))["weights.safetensors"] == packed


def test_weights_that_were_not_kept_are_not_found(signed_in, trial):
    assert signed_in.get(f"/trials/{trial.pk}/bundle.zip").status_code == 404


@pytest.mark.parametrize("path", ["bundle.zip", "valid.zip", "weights/live/"])
def test_only_measured_trials_have_downloads(signed_in, trial, path):
    trial.state = "running"
    trial.save(update_fields=["state"])
    assert signed_in.get(f"/trials/{trial.pk}/{path}").status_code == 404
    assert signed_in.get(f"/trials/999999/{path}").status_code == 404


def test_page_offers_to_retrain_and_then_shows_how_it_goes(signed_in, trial, sent):
    page = f"/cells/{trial.cell_id}/"
    text = signed_in.get(page).content.decode()
    assert "Retrain to get the weights" in text and "data-live=" not in text
    response = signed_in.post(f"/trials/{trial.pk}/weights/")
    assert response.url == f"{page}?protocol={trial.protocol}#downloads"
    assert [words[0] for words in sent] == [WeightsRequest.objects.get(trial=trial).pk]
    text = signed_in.get(page).content.decode()
    assert "training again" in text and f'data-live="/trials/{trial.pk}/weights/live/"' in text


def test_live_part_changes_when_the_weights_are_there(signed_in, trial, sent):
    signed_in.post(f"/trials/{trial.pk}/weights/")
    url = f"/trials/{trial.pk}/weights/live/"
    first = signed_in.get(url)
    assert b"training again" in first.content
    assert signed_in.get(url, {"since": first["X-Version"]}).status_code == 204
    seeding.weights(trial)
    WeightsRequest.objects.all().delete()
    then = signed_in.get(url, {"since": first["X-Version"]})
    assert then.status_code == 200 and f"/trials/{trial.pk}/bundle.zip".encode() in then.content
    assert f"--evaluate digits-valid-{trial.protocol}.zip".encode() in then.content
    assert Weights.objects.get(trial=trial).sha256[:12].encode() in then.content


def test_a_failed_request_says_why_and_can_be_made_again(signed_in, trial, sent):
    WeightsRequest.objects.create(trial=trial, state="failed", error="Out of memory. Use a larger worker.")
    text = signed_in.get(f"/cells/{trial.cell_id}/").content.decode()
    assert "Out of memory. Use a larger worker." in text and "Retrain to get the weights" in text
    signed_in.post(f"/trials/{trial.pk}/weights/")
    assert WeightsRequest.objects.get(trial=trial).state == "queued" and len(sent) == 1


def test_weights_that_cannot_be_had_again_are_refused_with_the_reason(signed_in, trial, sent):
    data = trial.search.dataset
    data.fingerprint = "1" * 64
    data.save(update_fields=["fingerprint"])
    response = signed_in.post(f"/trials/{trial.pk}/weights/", follow=True)
    assert "cannot be trained again" in response.content.decode() and not sent


def test_asking_is_a_post(signed_in, trial):
    assert signed_in.get(f"/trials/{trial.pk}/weights/").status_code == 405


@pytest.fixture
def digits(trial, settings, tmp_path):
    """The real digits, prepared."""
    settings.DATASETS_DIR = tmp_path
    data = trial.search.dataset
    info = prepare("digits", "Digits", {"kind": "digits"}, tmp_path / "digits", tmp_path, lambda *_: None)
    data.fingerprint = info.fingerprint
    data.classes = list(info.classes)
    data.save()
    return data


def test_valid_images_are_those_the_protocol_holds_out(signed_in, trial, digits):
    response = signed_in.get(f"/trials/{trial.pk}/valid.zip")
    assert response["Content-Disposition"] == f'attachment; filename="digits-valid-{trial.protocol}.zip"'
    files = unpacked(response)
    held_out = round(digits.train_images * trial.search.config["data"]["valid_fraction"])
    assert abs(len(files) - held_out) <= len(digits.classes)
    assert {name.split("/")[0] for name in files} == set(digits.classes)
    assert all(data.startswith(b"\x89PNG") for data in files.values())


def test_bundle_and_images_work_together_outside_the_project(signed_in, trial, digits, tmp_path):
    seeding.weights(trial)
    for path in ("bundle.zip", "valid.zip"):
        (tmp_path / path).write_bytes(b"".join(signed_in.get(f"/trials/{trial.pk}/{path}").streaming_content))
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, "-I", "model.py", "--evaluate", "valid.zip"]
    run = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert "%" in run.stdout or "accuracy" in run.stdout


def test_images_that_are_not_there_are_not_found(signed_in, trial, settings, tmp_path):
    settings.DATASETS_DIR = tmp_path / "nowhere"
    assert signed_in.get(f"/trials/{trial.pk}/valid.zip").status_code == 404
    trial.search.dataset.state = "preparing"
    trial.search.dataset.save(update_fields=["state"])
    assert signed_in.get(f"/trials/{trial.pk}/valid.zip").status_code == 404
    assert "Valid images" not in signed_in.get(f"/cells/{trial.cell_id}/").content.decode()


@pytest.mark.parametrize("path", ["bundle.zip", "valid.zip", "weights/live/"])
def test_strangers_are_sent_to_the_login(client, trial, path):
    assert client.get(f"/trials/{trial.pk}/{path}").url.startswith("/login/")


def test_file_names_are_harmless():
    assert safe_name('../../etc/"passwd\r\n') == "etc-passwd"
    assert safe_name("日本") == "cell" and len(safe_name("x" * 500)) == 60
    assert Path(safe_name("a/b\\c")).name == "a-b-c"
