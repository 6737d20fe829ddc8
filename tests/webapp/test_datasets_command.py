"""``manage.py datasets``."""

import io
import json
import sys

import pytest
from django.core.management import CommandError, call_command

from nas_engine.errors import ConfigError
from tests.webapp import images
from webapp.models import Dataset

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def place(settings, tmp_path):
    settings.DATASETS_DIR = tmp_path / "datasets"


def run(*words, **options) -> str:
    written = io.StringIO()
    call_command("datasets", *words, stdout=written, **options)
    return written.getvalue()


def test_adds_a_known_set_by_name():
    found = json.loads(run("add", "digits", json=True))
    assert (found["name"], found["state"], found["image_shape"]) == ("digits", "ready", [1, 8, 8])
    assert found["train_images"] + found["test_images"] == 1797


def test_a_known_set_may_lie_in_a_folder_of_its_own(tmp_path, monkeypatch):
    asked = []

    def refuse(partial, name, root, report):
        asked.append((name, root))
        raise ConfigError("Not there.", "path")

    monkeypatch.setattr(sys.modules["nas_engine.datasets.prepare"], "write_torchvision", refuse)
    with pytest.raises(CommandError, match="Not there"):
        run("add", "cifar-10", str(tmp_path))
    assert asked == [("cifar-10", tmp_path)]


def test_adds_a_folder_and_a_zip_and_lists_both(tmp_path):
    folder = images.folder(tmp_path / "leaves", images.files())
    archive = tmp_path / "leaves.zip"
    archive.write_bytes(images.zipped(images.files()))
    run("add", "Leaves", str(folder))
    run("add", "Zipped leaves", str(archive), size=8)
    assert archive.exists()
    leaves, zipped = json.loads(run("list", json=True))
    assert (leaves["name"], zipped["name"]) == ("leaves", "zipped-leaves")
    assert (leaves["image_shape"], zipped["image_shape"]) == ([3, 12, 12], [3, 8, 8])
    assert "24 images" in run("list")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add",), "say its name"),
        (("add", "imagenet"), "is not known here"),
        (("add", "Leaves", "/no/such/place"), "There is no folder /no/such/place"),
    ],
)
def test_bad_input_ends_with_two_and_one_line(words, reason):
    with pytest.raises(CommandError, match=reason) as problem:
        run(*words)
    assert problem.value.returncode == 2
    assert "\n" not in str(problem.value)


def test_what_cannot_be_prepared_is_not_kept(tmp_path):
    archive = tmp_path / "flowers.zip"
    archive.write_bytes(images.zipped(images.HOSTILE))
    with pytest.raises(CommandError, match="points outside the archive"):
        run("add", "Flowers", str(archive))
    assert not Dataset.objects.exists()
    assert archive.exists()
