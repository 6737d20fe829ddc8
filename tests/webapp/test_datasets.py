"""Data sets: adding them in every way, preparing, showing, trying again, removing."""

import io
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from nas_engine.errors import ConfigError
from tasks import datasets as work
from tasks import messages
from tests.webapp import images, seeding
from webapp.models import Dataset
from webapp.services import datasets as service

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch, settings, tmp_path):
    """Data sets asked to be prepared, in a data folder of this test's own."""
    queued = []
    monkeypatch.setattr(messages, "prepare_dataset", lambda pk: queued.append(pk) or True)
    settings.DATASETS_DIR, settings.UPLOADS_DIR = tmp_path / "datasets", tmp_path / "uploads"
    settings.UPLOADS_DIR.mkdir()
    return queued


@pytest.fixture
def upload(signed_in, django_capture_on_commit_callbacks):
    """Upload these entries as a zip; returns the response."""

    def send(entries, name="leaves.zip", **fields):
        data = entries if isinstance(entries, bytes) else images.zipped(entries)
        with django_capture_on_commit_callbacks(execute=True):
            return signed_in.post("/datasets/add/", {"way": "upload", "file": SimpleUploadedFile(name, data), **fields})

    return send


def prepared(slug="leaves") -> Dataset:
    dataset = Dataset.objects.get(slug=slug)
    work.prepare_dataset(dataset.pk)
    dataset.refresh_from_db()
    return dataset


def test_first_start_adds_the_digits_and_later_ones_leave_things_alone(sent):
    service.ensure_builtin()
    assert Dataset.objects.get().slug == "digits"
    digits = prepared("digits")
    assert (digits.state, digits.image_shape, digits.images) == ("ready", (1, 8, 8), 1797)
    service.remove(digits)
    service.add_known("mnist")
    service.ensure_builtin()
    assert Dataset.objects.get().slug == "mnist"


def test_upload_is_prepared_and_its_archive_deleted(upload, signed_in, sent, settings):
    response = upload(images.files())
    assert (response.status_code, response.url) == (302, "/datasets/")
    assert len(sent) == 1
    assert [path.suffix for path in settings.UPLOADS_DIR.iterdir()] == [".zip"]
    assert "leaves is being prepared" in signed_in.get("/datasets/").content.decode()
    dataset = prepared()
    assert (dataset.state, dataset.message, dataset.classes) == ("ready", "", list(images.CLASSES))
    assert (dataset.images, dataset.image_shape) == (24, (3, 12, 12))
    assert not list(settings.UPLOADS_DIR.iterdir())
    assert "path" not in dataset.source


def test_size_and_title_are_taken(upload):
    upload(images.files(), title="Autumn  leaves", size="16")
    dataset = prepared("autumn-leaves")
    assert (dataset.title, dataset.image_shape) == ("Autumn leaves", (3, 16, 16))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (images.HOSTILE, "points outside the archive"),
        (images.BROKEN, "oak/3.png"),
        (images.ONE_CLASS, "class"),
        (b"PK\x03\x04 no zip at all", "not a zip file, or it is damaged"),
        ({"notes.txt": b"hello"}, "no images"),
    ],
)
def test_bad_archive_says_why_and_leaves_nothing_half_added(upload, signed_in, settings, entries, words):
    upload(entries)
    dataset = prepared()
    assert dataset.state == "failed"
    assert words in dataset.message
    assert not settings.DATASETS_DIR.exists() or not list(settings.DATASETS_DIR.iterdir())
    text = signed_in.get("/datasets/").content.decode()
    assert "<p><b>leaves" in text
    signed_in.post("/datasets/leaves/remove/")
    assert not Dataset.objects.exists()
    assert not list(settings.UPLOADS_DIR.iterdir())


def test_failed_one_can_be_tried_again(upload, signed_in, sent):
    upload(images.ONE_CLASS)
    dataset = prepared()
    signed_in.post("/datasets/leaves/retry/")
    dataset.refresh_from_db()
    assert (dataset.state, sent[-1]) == ("preparing", dataset.pk)
    assert prepared().state == "failed"
    Dataset.objects.update(state="ready")
    text = signed_in.post("/datasets/leaves/retry/", follow=True).content.decode()
    assert "did not fail" in text


def test_upload_over_the_limit_is_refused_before_it_is_read(upload, settings):
    settings.UPLOAD_LIMIT = -1_000_000 + 1000
    response = upload(images.files())
    assert response.status_code == 413
    assert "can be uploaded" in response.content.decode()
    assert not Dataset.objects.exists()


def test_upload_without_room_on_the_disk_is_refused(upload, monkeypatch):
    from webapp.views import datasets

    monkeypatch.setattr(datasets.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10})())
    response = upload(images.files())
    assert response.status_code == 413
    assert "10\u00a0B are free" in response.content.decode()


def test_scripts_get_json(upload, signed_in):
    file = SimpleUploadedFile("leaves.zip", images.zipped(images.files()))
    ask = {"headers": {"accept": "application/json"}}
    response = signed_in.post("/datasets/add/", {"way": "upload", "file": file}, **ask)
    assert (response.status_code, response.json()) == (201, {"url": "/datasets/"})
    response = signed_in.post("/datasets/add/", {"way": "upload"}, **ask)
    assert (response.status_code, response.json()) == (422, {"problems": {"file": "Choose a zip file."}})


def test_upload_needs_the_form_token(owner):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    file = SimpleUploadedFile("leaves.zip", images.zipped(images.files()))
    assert client.post("/datasets/add/", {"way": "upload", "file": file}).status_code == 403
    assert not Dataset.objects.exists()


def test_folder_is_added_and_its_files_stay(signed_in, tmp_path):
    place = images.folder(tmp_path / "Leaves", images.files())
    signed_in.post("/datasets/add/", {"way": "folder", "path": str(place)})
    assert prepared().state == "ready"
    signed_in.post("/datasets/leaves/remove/")
    assert (place / "oak" / "0.png").exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"way": "folder", "path": ""}, "Say where the folder lies"),
        ({"way": "folder", "path": "leaves"}, "Write the whole path"),
        ({"way": "folder", "path": "/no/such/place"}, "There is no folder /no/such/place on this machine."),
        ({"way": "folder", "path": "/tmp", "size": "4"}, "8 to 512"),
        ({"way": "folder", "path": "/tmp", "size": "big"}, "8 to 512"),
        ({"way": "folder", "path": "/tmp", "title": "x" * 121}, "1 to 120 letters"),
        ({"way": "folder", "path": "/tmp", "title": "live"}, "taken by a page"),
        ({"way": "name", "name": "imagenet"}, "is not known here"),
    ],
)
def test_bad_input_keeps_what_was_typed_and_says_what_to_change(signed_in, fields, words):
    response = signed_in.post("/datasets/add/", fields)
    text = response.content.decode()
    assert response.status_code == 422
    assert words in text
    for name in ("path", "size", "title"):
        assert not fields.get(name) or f'value="{fields[name]}"' in text
    assert not Dataset.objects.exists()


def test_same_title_twice_is_refused(signed_in):
    signed_in.post("/datasets/add/", {"way": "name", "name": "mnist"})
    response = signed_in.post("/datasets/add/", {"way": "name", "name": "mnist"})
    assert "MNIST is here already" in response.content.decode()
    assert 'value="mnist"' not in signed_in.get("/datasets/").content.decode()


def test_remove_is_refused_while_a_search_uses_it(signed_in):
    seeding.search()
    text = signed_in.post("/datasets/digits/remove/", follow=True).content.decode()
    assert "a search uses it (“Digits, a first look”)" in text
    assert Dataset.objects.exists()


def test_removing_deletes_the_images(upload, signed_in, settings):
    upload(images.files())
    prepared()
    assert (settings.DATASETS_DIR / "leaves").exists()
    signed_in.post("/datasets/leaves/remove/")
    assert not (settings.DATASETS_DIR / "leaves").exists()


def test_removed_while_being_prepared_leaves_nothing(upload, settings, monkeypatch):
    upload(images.files())
    dataset = Dataset.objects.get()
    monkeypatch.setattr(work, "REPORT_SECONDS", 0.0)
    prepare = work.prepare

    def interrupted(*arguments):
        service.remove(dataset)
        return prepare(*arguments)

    monkeypatch.setattr(work, "prepare", interrupted)
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)  # the archive outlives its removal here
    work.prepare_dataset(dataset.pk)
    assert not Dataset.objects.exists()
    assert not [path for path in settings.DATASETS_DIR.iterdir() if not path.name.startswith(".")]


def test_only_one_worker_prepares_it(upload, monkeypatch):
    upload(images.files())
    dataset, calls = Dataset.objects.get(), []
    prepare = work.prepare

    def counted(*arguments):
        calls.append(1)
        work.prepare_dataset(dataset.pk)  # the same message, delivered twice
        return prepare(*arguments)

    monkeypatch.setattr(work, "prepare", counted)
    assert prepared().state == "ready"
    work.prepare_dataset(dataset.pk)
    assert len(calls) == 1


def test_sweep_sends_again_what_nobody_prepares(upload, sent):
    upload(images.files())
    sent.clear()
    work.sweep()
    assert sent == [Dataset.objects.get().pk]
    prepared()
    sent.clear()
    work.sweep()
    assert sent == []


def test_unforeseen_error_fails_it_with_its_name(upload, monkeypatch):
    def crash(*arguments):
        raise RuntimeError("out of paper")

    upload(images.files())
    monkeypatch.setattr(work, "prepare", crash)
    assert "RuntimeError: out of paper" in prepared().message


def test_pictures_are_small_pngs_that_may_be_kept(upload, signed_in):
    upload(images.files(side=60))
    dataset = prepared()
    mosaic = signed_in.get(f"/datasets/leaves/mosaic.png?v={dataset.fingerprint[:12]}")
    assert mosaic.headers["Content-Type"] == "image/png"
    assert "immutable" in mosaic.headers["Cache-Control"]
    assert Image.open(io.BytesIO(mosaic.content)).size == (384, 128)
    strip = signed_in.get("/datasets/leaves/classes/2.png")
    assert Image.open(io.BytesIO(strip.content)).size == (12 * 48 + 11 * 4, 48)
    assert signed_in.get("/datasets/leaves/classes/3.png").status_code == 404
    assert signed_in.get("/datasets/roses/mosaic.png").status_code == 404


def test_detail_page_counts_every_class(upload, signed_in):
    upload(images.files(each=20))
    dataset = prepared()
    text = signed_in.get("/datasets/leaves/").content.decode()
    assert dataset.fingerprint in text
    for name in images.CLASSES:
        assert f"Images of {name}" in text
    assert signed_in.get("/datasets/roses/").status_code == 404


def test_detail_page_of_images_on_another_machine(signed_in):
    seeding.dataset()
    text = signed_in.get("/datasets/digits/").content.decode()
    assert "Its images are not on this machine." in text
    assert signed_in.get("/datasets/digits/mosaic.png").status_code == 404
    assert "on another machine" in signed_in.get("/datasets/").content.decode()


def test_live_fragment_is_sent_only_when_something_changed(upload, signed_in):
    upload(images.files())
    first = signed_in.get("/datasets/live/")
    version = first.headers["X-Version"]
    assert b"Waiting for a worker" in first.content
    assert signed_in.get(f"/datasets/live/?since={version}").status_code == 204
    prepared()
    changed = signed_in.get(f"/datasets/live/?since={version}")
    assert changed.status_code == 200
    assert "24</dd>" in changed.content.decode()


def test_folder_on_this_machine_is_made_where_another_prepared_it(upload, settings, tmp_path):
    from nas_engine.errors import EvaluationFailed

    service.add_known("digits")
    digits = prepared("digits")
    settings.DATASETS_DIR = tmp_path / "another machine"
    assert work.local_folder(digits).is_dir()
    digits.fingerprint = "f" * 64
    with pytest.raises(EvaluationFailed, match="other images"):
        work.local_folder(digits)
    upload(images.files())
    leaves = prepared()
    settings.DATASETS_DIR = tmp_path / "a third"
    with pytest.raises(EvaluationFailed, match="uploaded to another one"):
        work.local_folder(leaves)


def test_service_names_the_field():
    with pytest.raises(ConfigError) as problem:
        service.add_dataset("", {"kind": "digits"})
    assert list(problem.value.problems) == ["title"]
