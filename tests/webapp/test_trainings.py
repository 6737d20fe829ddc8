"""The pages of full trainings: the form with its exact costs, the training, and the models that come out."""

import io
import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.config import settings_of
from nas_engine.errors import ConfigError
from nas_engine.full_training import PRESETS, FullTrainingConfig, read_full_training
from nas_engine.protocol import SkeletonConfig
from tasks import full_recording, stored_files
from tests.webapp import seeding
from webapp.forms.training import PARTS, Network, TrainingForm
from webapp.forms.training_starts import config_of
from webapp.models import CostPreview, FullTraining, StoredFile, TrainingRun
from webapp.services import trainings as service
from webapp.services.cells import keep
from webapp.services.owner import local_owner

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]
ENTRY = zoo.get("darts-v2")
SMALL = {"skeleton": {"repeats": 1, "filters": 8}, "schedule": {"epochs": 4}, "seeds": 2}


@pytest.fixture
def cell(settings, tmp_path):
    settings.MODELS_DIR = tmp_path / "models"
    seeding.dataset()
    return keep(ENTRY.cells, ENTRY.label)


@pytest.fixture
def typed(cell):
    """What the form posts for a small training."""
    form = TrainingForm.from_config(config_of("quick", cell, "digits", None))
    small = {"skeleton.repeats": "1", "skeleton.filters": "8", "schedule.epochs": "4", "seeds": "2"}
    hidden = {"cell": cell.key, "based_on": "quick", "start": "quick", "based_dataset": "digits"}
    return {name: value for name, value in form.typed.items() if value != ""} | small | hidden


def training(cell, **changes) -> FullTraining:
    return service.create_training(cell, read_full_training(SMALL | changes), local_owner())


def finish(run: TrainingRun, test_accuracy: float, bundle: bytes = b"PK") -> TrainingRun:
    """What a worker writes in the end."""
    claimed = full_recording.claim(run.pk, run.attempt, "train-0@birch", seeding.DEVICE)
    curve = [epoch(at) for at in range(1, run.epochs + 1)]
    numbers = {
        "test_accuracy": test_accuracy, "test_top5": 1.0, "valid_accuracy": None, "latency": 0.004, "seconds": 65.0,
        "device": seeding.DEVICE, "details": {"precision": "float32", "test_images": 360},
    }  # fmt: skip
    assert full_recording.finish(claimed, numbers, curve, io.BytesIO(bundle))
    run.refresh_from_db()
    return run


def epoch(number: int) -> dict:
    return {
        "epoch": number, "epochs": 4, "train_loss": 1 / number, "train_accuracy": 1 - 0.5 / number, "valid_accuracy": None,
        "seconds": 16.0, "images_per_second": 90.0, "learning_rate": 0.1 / number, "memory": 10**8, "batch": 96,
    }  # fmt: skip


def bundle(onnx: bytes | None = None) -> bytes:
    """A bundle as small as can be."""
    about = {
        "classes": list("0123456789"),
        "normalisation": {"mean": [0.5], "std": [0.25]},
        "blueprint": {"image_shape": [1, 8, 8]},
        "preprocessing": {"stored": [10, 10], "central_crop": 0.9},
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("architecture.json", json.dumps(about))
        archive.writestr("model.py", "print('hello')\n")
        archive.writestr("SHA256SUMS", f"{'ab' * 32}  model.py\n")
        if onnx:
            archive.writestr("model.onnx", onnx)
    return out.getvalue()


# ---- the form


def test_every_setting_has_an_input():
    names = set(TrainingForm({}).fields)
    for part, config_class in PARTS.items():
        assert {f"{part}.{name}" for name in settings_of(config_class)} <= names
    assert {"name", "seeds", "seed"} <= names


@pytest.mark.parametrize("slug", PRESETS)
def test_a_preset_survives_the_form(cell, slug):
    config = config_of(slug, cell, "digits", None)
    assert TrainingForm.from_config(config).config == config
    assert config.skeleton.dialect == "darts", "the cell's own rules, where the preset does not need others"


def test_the_form_of_a_cell_opens_on_its_rules_and_data_set(signed_in, cell):
    html = signed_in.get(reverse("training-new"), {"cell": cell.key, "dataset": "digits"}).content.decode()
    skeleton = SkeletonConfig(repeats=2, filters=16, dialect="darts")
    expected = build_blueprint(ENTRY.cells, skeleton, (1, 8, 8), 10)
    assert f"{expected.params:,}".replace(",", "\u202f") in html
    assert "Time a few steps" in html and 'name="augmentation.flip" checked' not in html


def test_a_form_without_a_cell_says_where_to_find_one(signed_in, cell):
    assert signed_in.get(reverse("training-new")).status_code == 404
    assert signed_in.get(reverse("training-new"), {"cell": "0" * 64}).status_code == 404


def test_a_trained_cell_of_a_search_brings_its_rules_along(signed_in, cell):
    keys = seeding.few()
    response = signed_in.get(reverse("training-new"), {"cell": keys["plain"]})
    assert response.context["source"].cell_id == keys["plain"]
    assert response.context["form"].typed["data.dataset"] == "digits"


def test_starting_stores_the_training_and_sends_a_task_a_seed(
    signed_in, typed, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        response = signed_in.post(reverse("training-new"), typed)
    found = FullTraining.objects.get()
    assert response.status_code == 302 and response.url == reverse("training", args=[found.pk])
    assert found.name == f"{ENTRY.label} on Digits" and found.settled["skeleton"]["filters"] == 8
    assert [run.seed for run in found.runs.all()] == [0, 1]
    assert [message[0] for message in sent] == ["tasks.full_training.train_run"] * 2


def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(signed_in, typed):
    wrong = typed | {"schedule.epochs": "many", "skeleton.filters": "7", "name": "Mine", "fit.measure": "params"}
    html = signed_in.post(reverse("training-new"), wrong).content.decode()
    assert "‘many’ is not a whole number" in html and "even: 6 or 8" in html and "Say how many parameters" in html
    assert 'value="many"' in html and 'value="Mine"' in html and "The training was not started" in html
    assert not FullTraining.objects.exists()


def test_a_network_that_cannot_be_fitted_is_refused_at_its_field(signed_in, typed):
    html = signed_in.post(reverse("training-new"), typed | {"fit.measure": "params", "fit.most": "50"}).content.decode()
    assert "Even the smallest network of this cell is larger" in html and not FullTraining.objects.exists()


def test_the_panel_follows_what_is_typed(signed_in, typed):
    response = signed_in.post(reverse("training-preview"), typed | {"fit.measure": "params", "fit.most": "90000"})
    network = response.context["network"]
    assert response["X-Switched"] == "0" and network.blueprint.params <= 90_000 and network.config.skeleton.filters > 8
    assert "to fit" in response.content.decode() and network.epochs == 8


def test_another_preset_keeps_what_the_person_changed(signed_in, typed):
    response = signed_in.post(reverse("training-preview"), typed | {"start": "nasnet-cifar", "name": "Mine"})
    form = response.context["form"]
    assert response["X-Switched"] == "1"
    assert (form.typed["skeleton.repeats"], form.typed["schedule.epochs"], form.typed["name"]) == ("1", "4", "Mine")
    assert form.typed["regularisation.drop_path"] == "0.4"


def test_another_data_set_brings_its_own_augmentation(signed_in, typed):
    seeding.dataset("cifar-10", (3, 32, 32))
    response = signed_in.post(reverse("training-preview"), typed | {"data.dataset": "cifar-10"})
    form = response.context["form"]
    assert form.typed["augmentation.flip"] == "on" and form.typed["augmentation.crop"] == "4"
    assert response.context["network"].blueprint.image_shape == (3, 32, 32)


def test_transfer_to_large_and_odd_images(cell):
    seeding.dataset("leaves", (3, 225, 173), classes=7)
    for size, shape in ((0, (3, 225, 173)), (224, (3, 224, 224))):
        typed = TrainingForm.from_config(config_of("darts-imagenet", cell, "leaves", None)).typed
        network = Network(TrainingForm(typed | {"data.image_size": str(size)}), cell)
        assert network.blueprint.image_shape == shape and network.blueprint.classes == 7


def test_a_whole_network_is_offered_only_what_its_rules_read(signed_in, cell):
    entry = zoo.get("mnasnet-a1")
    record = keep(entry.cells, entry.label)
    html = signed_in.get(reverse("training-new"), {"cell": record.key, "dataset": "digits"}).content.decode()
    assert 'name="skeleton.repeats"' not in html and 'name="fit.measure"' not in html
    assert 'name="skeleton.dropout"' in html and "as it is" in html
    config = config_of("nasnet-cifar", record, "digits", None)
    found = service.create_training(record, config, local_owner())
    assert "whole networks" in found.protocol_summary and found.settled["regularisation"]["aux_weight"] == 0
    fit = read_full_training({"fit": {"measure": "params", "most": 10**6}})
    with pytest.raises(ConfigError) as caught:
        service.create_training(record, fit, local_owner())
    assert "fit.measure" in caught.value.problems
    auxiliary = read_full_training({"regularisation": {"aux_weight": 0.4}})
    with pytest.raises(ConfigError) as caught:
        service.create_training(record, auxiliary, local_owner())
    assert "regularisation.aux_weight" in caught.value.problems


def test_timing_asks_a_worker_and_shows_its_answer(signed_in, typed, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        html = signed_in.post(reverse("training-preview"), typed | {"time": "1"}).content.decode()
    cost = CostPreview.objects.get()
    live = reverse("training-cost", args=[cost.pk])
    assert sent == [("tasks.full_training.preview_cost", cost.pk, 0)] and live in html and "waits for" in html
    CostPreview.objects.update(
        state="finished",
        result={
            "seconds_per_epoch": 90.0, "seconds": 360.0, "peak_memory": 5 * 10**8, "images_per_second": 111.0,
            "device": {"name": "Test GPU"}, "notes": ["The batch was lowered."],
        },
    )  # fmt: skip
    answer = signed_in.get(live, {"since": "something else"})
    assert answer.status_code == 286 and "1\xa0min 30\xa0s" in answer.content.decode()
    html = signed_in.post(reverse("training-preview"), typed).content.decode()
    assert "500\xa0MB" in html and "Test GPU" in html and "The batch was lowered." in html
    changed = signed_in.post(reverse("training-preview"), typed | {"skeleton.filters": "10"}).content.decode()
    assert "Test GPU" not in changed, "another network was not timed"


def test_a_training_can_be_cloned(signed_in, cell):
    found = training(cell, name="Mine")
    response = signed_in.get(reverse("training-new"), {"cell": cell.key, "clone": found.pk})
    form = response.context["form"]
    assert form.typed["name"] == "Mine, again" and form.typed["schedule.epochs"] == "4" and form.typed["seeds"] == "2"


# ---- the training


def test_the_page_of_a_training_from_queue_to_models(signed_in, cell):
    found = training(cell)
    url = reverse("training", args=[found.pk])
    assert "No train worker is alive" in signed_in.get(url).content.decode()
    first, second = found.runs.all()
    claimed = full_recording.claim(first.pk, 0, "train-0@birch", seeding.DEVICE)
    full_recording.begin(claimed, "birch", "starts")
    full_recording.epochs_done(claimed, [epoch(1), epoch(2)], 4, "birch", ["seed 0, epoch 2: train loss 0.500"])
    full_recording.progress(claimed, {"epoch": 3, "batch": 5, "batches": 10, "learning_rate": 0.03})
    page = signed_in.get(url)
    html = page.content.decode()
    assert (
        "epoch 3: batch 5 of 10" in html and "0.03" in html and "16\xa0s" in html and "a crash loses one epoch" in html
    )
    assert page.context["page"].shown_done == 2.5 and page.context["page"].seconds_left == 16.0 * 6
    assert set(page.context["page"].figures) == {"accuracy", "loss", "rate"} and "train loss 0.500" in html
    live = signed_in.get(reverse("training-live", args=[found.pk]), {"since": page.context["page"].version})
    assert live.status_code == 204
    full_recording.put_back(claimed, "its worker is ending")
    finish(TrainingRun.objects.get(pk=first.pk), 0.95, bundle())
    finish(second, 0.97, bundle())
    live = signed_in.get(reverse("training-live", args=[found.pk]), {"since": "0"})
    html = live.content.decode()
    assert (
        live.status_code == 286 and "96.00" in html and "± 1.41" in html and reverse("model", args=[first.pk]) in html
    )


def test_pause_resume_stop_and_taking_up_again(signed_in, cell):
    found = training(cell)

    def press(what: str, **data) -> str:
        response = signed_in.post(reverse(f"training-{what}", args=[found.pk]), data, follow=True)
        found.refresh_from_db()
        return response.content.decode()

    assert "Paused." in press("pause") and found.state == "paused"
    assert "there is nothing to pause" in press("pause")
    press("resume")
    assert found.state == "queued"
    assert "Stopped by hand with 0 seeds done." in press("stop") and found.state == "stopped"
    assert "Try again" in signed_in.get(reverse("training", args=[found.pk])).content.decode()
    press("retry")
    assert found.state == "queued"


def test_a_failure_shows_its_reason_and_what_to_do(signed_in, cell):
    found = training(cell, seeds=1)
    run = full_recording.claim(found.runs.get().pk, 0, "train-0@birch", {})
    full_recording.epochs_done(run, [epoch(1)], 4, "birch", [])
    full_recording.fail(run, "The disk is full", "Free 200 MB.")
    html = signed_in.get(reverse("training", args=[found.pk])).content.decode()
    assert "Seed 0 failed after epoch 1" in html and "The disk is full" in html and "Free 200 MB." in html
    assert "Go on from the last epoch" in html and "Start over" in html


def test_a_training_that_is_over_can_be_removed_with_its_models(signed_in, cell):
    found = training(cell, seeds=1)
    url = reverse("training-remove", args=[found.pk])
    assert "Stop it first" in signed_in.post(url, follow=True).content.decode()
    finish(found.runs.get(), 0.95, bundle())
    assert signed_in.post(url).url == reverse("models")
    assert not FullTraining.objects.exists() and not StoredFile.objects.exists()


def test_log_and_settings_can_be_taken_home(signed_in, cell):
    found = training(cell)
    assert "full training started" in signed_in.get(reverse("training-log", args=[found.pk])).content.decode()
    data = json.loads(signed_in.get(reverse("training-config", args=[found.pk])).content)
    assert isinstance(read_full_training(data), FullTrainingConfig)


def test_a_training_under_way_is_seen_from_home_and_found_by_name(signed_in, cell):
    found = training(cell, name="Mine")
    url = reverse("training", args=[found.pk])
    home = signed_in.get(reverse("home")).content.decode()
    assert url in home and "1 <span>running" in home
    assert signed_in.get(reverse("jump"), {"q": "mine"}).url == url
    service.stop_training(found)
    home = signed_in.get(reverse("home")).content.decode()
    assert url not in home and "<span>running" not in home


# ---- models


def test_models_are_listed_with_their_spread_and_their_bundle(signed_in, cell):
    assert "No model yet" in signed_in.get(reverse("models")).content.decode()
    found = training(cell)
    first, second = found.runs.all()
    finish(first, 0.95, bundle())
    html = signed_in.get(reverse("models")).content.decode()
    assert "In training" in html and "95.00" in html
    finish(second, 0.97, bundle())
    html = signed_in.get(reverse("models")).content.decode()
    assert "96.00" in html and "± 1.41" in html and reverse("model-bundle", args=[first.pk]) in html
    assert "In training" not in html
    assert "No model matches" in signed_in.get(reverse("models"), {"q": "nobody"}).content.decode()
    assert "96.00" in signed_in.get(reverse("models"), {"q": cell.key[:9], "dataset": "digits"}).content.decode()
    assert "trained here: 96.00\xa0% on Digits" in signed_in.get(reverse("published")).content.decode()
    cell_page = signed_in.get(reverse("cell", args=[cell.key])).content.decode()
    assert "Full trainings" in cell_page and "96.00" in cell_page


def test_a_model_hands_out_its_bundle_and_each_file(signed_in, cell):
    made = bundle()
    run = finish(training(cell, seeds=1).runs.get(), 0.95, made)
    page = signed_in.get(reverse("model", args=[run.pk])).content.decode()
    assert "95.00" in page and "model.py" in page and "abababababababab…" in page and "has no ONNX file" in page
    response = signed_in.get(reverse("model-bundle", args=[run.pk]))
    assert b"".join(response.streaming_content) == made
    assert "DARTS-second-order-digits-training" in response["Content-Disposition"]
    file = signed_in.get(reverse("model-file", args=[run.pk, "model.py"]))
    assert b"".join(file.streaming_content) == b"print('hello')\n" and file["Content-Length"] == "15"
    assert signed_in.get(reverse("model-file", args=[run.pk, "passwd"])).status_code == 404


def test_a_damaged_bundle_is_not_handed_out(signed_in, cell):
    run = finish(training(cell, seeds=1).runs.get(), 0.95, bundle())
    StoredFile.objects.update(sha256="0" * 64)
    assert signed_in.get(reverse("model-bundle", args=[run.pk])).status_code == 404


def test_a_run_without_result_is_no_model(signed_in, cell):
    run = training(cell).runs.first()
    assert signed_in.get(reverse("model", args=[run.pk])).status_code == 404


@pytest.fixture
def tried(signed_in, cell):
    """Sends a file to a model whose ONNX says that an image's mean brightness is the logit of class 3."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    import numpy

    weights = numpy.zeros((1, 10), numpy.float32)
    weights[0, 3] = 4.0
    image = helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["batch", 1, 8, 8])
    logits = helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", 10])
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
    ]
    graph = helper.make_graph(nodes, "brightness", [image], [logits], [numpy_helper.from_array(weights, "weights")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    run = finish(training(cell, seeds=1).runs.get(), 0.95, bundle(model.SerializeToString()))
    url = reverse("model-try", args=[run.pk])
    return lambda data: signed_in.post(url, {"image": data} if data else {})


def picture(shade: int, kind: str = "PNG", mode: str = "RGB") -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new(mode, (20, 12), shade if mode == "L" else (shade,) * 3).save(out, kind)
    return SimpleUploadedFile(f"shade.{kind.lower()}", out.getvalue())


def test_a_model_is_tried_on_an_image(tried):
    response = tried(picture(255))
    (first, chance), *others = response.context["answer"]
    # White is (1 - 0.5) / 0.25 = 2, times 4: a logit of 8 against nine of 0.
    assert first == "3" and chance == pytest.approx(2980.958 / (2980.958 + 9), rel=1e-4) and len(others) == 4
    assert "99.7" in response.content.decode() and "shade.png" in response.content.decode()
    assert tried(picture(0, "JPEG", "L")).context["answer"][0][0] != "3"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "Choose an image first."),
        (SimpleUploadedFile("notes.txt", b"dear diary"), "cannot be read as an image"),
        (SimpleUploadedFile("half.png", picture(9).read()[:60]), "This file"),
        (SimpleUploadedFile("tiny.svg", b"<svg/>"), "This file"),
    ],
)
def test_what_is_no_image_gets_a_clear_error(tried, data, says):
    response = tried(data)
    html = response.content.decode()
    assert response.status_code == 200 and says in html and 'aria-invalid="true"' in html
    assert "answer" not in response.context


def test_an_upload_that_is_too_large_is_not_read(tried, monkeypatch):
    from webapp.services import inference

    monkeypatch.setattr(inference, "LARGEST", 10)
    assert "shade.png is larger than" in tried(picture(1)).content.decode()
    monkeypatch.setattr(inference, "LARGEST", -(10**6))
    assert "The file is larger than" in tried(picture(1)).content.decode()


def test_trying_a_model_needs_the_token_of_the_form(cell, owner):
    run = finish(training(cell, seeds=1).runs.get(), 0.95, bundle())
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert strict.post(reverse("model-try", args=[run.pk]), {"image": picture(1)}).status_code == 403


def test_bundles_on_disk_are_bounded(cell, monkeypatch, settings):
    from webapp.services import models

    monkeypatch.setattr(models, "KEPT", 2)
    run = training(cell, seeds=1).runs.get()
    for number in range(4):
        row = stored_files.store(run, StoredFile.Kind.BUNDLE, io.BytesIO(bytes([number])))
        assert models.bundle_path(row).read_bytes() == bytes([number])
    assert len(list(settings.MODELS_DIR.iterdir())) == 2
