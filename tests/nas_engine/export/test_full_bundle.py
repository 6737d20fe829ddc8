"""The bundle of a full training, used by people who have nothing of ours."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from nas_engine.datasets import read_split
from nas_engine.datasets.export import png
from nas_engine.errors import EvaluationFailed
from nas_engine.export import full_bundle, onnx_file
from nas_engine.export.full_bundle import FILES, full_bundle_files, write_full_bundle
from nas_engine.export.onnx_file import export_onnx
from nas_engine.export.weights import read_meta
from nas_engine.networks import model
from tests.nas_engine.export.lonely import run_lonely
from tests.nas_engine.training.full_fixtures import CELLS, config, go, write_corners

NAMES = {"title": "Corners | <b>", "cell_name": "My cell", "dataset_title": "Corners"}
# Loads, predicts and gives maps, with torch and safetensors alone.
PROGRAM = """
import json, sys, torch, model
network = model.load()
images = torch.arange(3 * 8 * 8 * 2, dtype=torch.int64).remainder(251).to(torch.uint8).view(2, 3, 8, 8)
logits = network(network.preprocess(images))
maps = network.forward_features(network.preprocess(images))
fresh = model.build()
print(json.dumps({
    "logits": logits.tolist(), "maps": [[list(m.shape), s] for m, s in maps], "channels": network.feature_channels,
    "same": sorted(fresh.state_dict()) == sorted(network.state_dict()), "classes": network.meta["classes"],
}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_corners(tmp_path_factory.mktemp("datasets") / "corners")


@pytest.fixture(scope="module")
def outcome(folder, tmp_path_factory):
    settings = config(schedule={"epochs": 6}, regularisation={"aux_weight": 0.4})
    return go(folder, tmp_path_factory.mktemp("training") / "checkpoint", settings)


@pytest.fixture(scope="module")
def bundle(outcome, tmp_path_factory):
    """The unzipped bundle's folder."""
    file, said = io.BytesIO(), []
    write_full_bundle(outcome, CELLS, file, **NAMES, log=said.append)
    assert not said
    unzipped = tmp_path_factory.mktemp("bundle")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(unzipped)
    return unzipped


def images(count=5):
    return np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)


def test_it_holds_all_files_whose_sums_are_right(bundle):
    assert sorted(path.name for path in bundle.iterdir()) == sorted(FILES)
    sums = dict(reversed(line.split()) for line in (bundle / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == set(FILES) - {"SHA256SUMS"}
    assert all(hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest for name, digest in sums.items())


def test_it_loads_and_predicts_with_torch_and_safetensors_alone(bundle, outcome):
    (bundle.parent / "use.py").write_text(PROGRAM)
    done = run_lonely(bundle, bundle.parent / "use.py", also=())
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    network = model.build(outcome.blueprint.as_json(), {"normalisation": outcome.normalisation}).eval()
    network.load_state_dict(outcome.weights)
    bytes_ = torch.arange(384).remainder(251).to(torch.uint8).view(2, 3, 8, 8)
    with torch.inference_mode():
        torch.testing.assert_close(
            torch.tensor(told["logits"]), network(network.preprocess(bytes_)), rtol=1e-4, atol=1e-5
        )
    assert told["maps"] == [[[2, 8, 8, 8], 1], [[2, 16, 4, 4], 2], [[2, 32, 2, 2], 4]]
    assert told["channels"] == [8, 16, 32] and told["same"] and told["classes"] == list(outcome.classes)


def test_model_py_measures_the_recorded_test_accuracy(bundle, folder, outcome, tmp_path):
    for number, (image, label) in enumerate(zip(*read_split(folder, "test"), strict=True)):
        (tmp_path / outcome.classes[label]).mkdir(exist_ok=True)
        (tmp_path / outcome.classes[label] / f"{number}.png").write_bytes(png(image))
    done = run_lonely(bundle, "model.py", "--evaluate", tmp_path)
    assert done.returncode == 0 and outcome.test_accuracy > 0.5, done.stderr
    assert done.stdout.startswith(f"accuracy {outcome.test_accuracy:.4f} ("), done.stdout


def test_the_onnx_file_agrees_at_any_batch(bundle, outcome):
    import onnx
    import onnxruntime

    session = onnxruntime.InferenceSession(bundle / "model.onnx")
    network = model.load(bundle / "weights.safetensors")
    for count in (1, 3, 64):
        x = network.preprocess(torch.from_numpy(images(count)))
        with torch.inference_mode():
            expected = network(x).numpy()
        found = session.run(["logits"], {"image": x.numpy()})[0]
        np.testing.assert_allclose(found, expected, atol=1e-4)
    entries = {entry.key: entry.value for entry in onnx.load(bundle / "model.onnx").metadata_props}
    about = json.loads(entries["nasturtium"])
    assert about["classes"] == list(outcome.classes) and about["normalisation"] == outcome.normalisation


def test_training_json_and_labels_tell_everything(bundle, outcome):
    training = json.loads((bundle / "training.json").read_text())
    assert training["evaluation"]["test_accuracy"] == outcome.test_accuracy and training["curve"] == outcome.curve
    assert training["config"]["schedule"]["epochs"] == 6 and training["protocol"] == outcome.protocol
    assert training["versions"]["torch"] == torch.__version__ and training["device"]["kind"] == "cpu"
    assert (bundle / "labels.txt").read_text().splitlines() == list(outcome.classes)
    meta = read_meta((bundle / "weights.safetensors").read_bytes())
    assert meta["training"]["seed"] == 0 and meta["evaluation"]["test_accuracy"] == outcome.test_accuracy
    architecture = json.loads((bundle / "architecture.json").read_text())
    assert "Genotype" in architecture["darts"] and architecture["blueprint"]["params"] == outcome.blueprint.params


def test_the_model_card_states_the_facts_and_names_carry_no_markup(bundle, outcome):
    card = (bundle / "MODEL_CARD.md").read_text()
    assert card.startswith("# Corners \\| \\<b\\>\n")
    for fact in (
        f"{outcome.test_accuracy:.2%}",
        f"{outcome.blueprint.params:,}",
        outcome.protocol,
        "40 images",
        "6 epochs",
    ):
        assert fact in card, fact
    assert "model.onnx" in card and "What it is not for" in card


def test_equal_outcomes_give_equal_bytes(outcome):
    first, again = (full_bundle_files(outcome, CELLS, **NAMES) for _ in range(2))
    assert first == again


def test_without_onnx_the_rest_is_written_and_it_is_said(outcome, monkeypatch):
    def fail(*arguments):
        raise EvaluationFailed("There is no such operator")

    monkeypatch.setattr(full_bundle, "export_onnx", fail)
    said = []
    files = full_bundle_files(outcome, CELLS, log=said.append)
    assert set(files) == set(FILES) - {"model.onnx", "SHA256SUMS"}
    assert "no ONNX file" in said[0] and "There is no ONNX file" in files["MODEL_CARD.md"].decode()


def test_an_onnx_file_that_differs_is_not_handed_out(outcome, monkeypatch):
    network = model.build(outcome.blueprint.as_json()).train()
    monkeypatch.setattr(onnx_file, "_written", lambda *arguments: b"")
    monkeypatch.setattr(onnx_file, "largest_difference", lambda *arguments: 0.01)
    with pytest.raises(EvaluationFailed, match="differ by 1.0e-02"):
        export_onnx(network, outcome.blueprint.image_shape, {})
    assert network.training
    monkeypatch.setattr(onnx_file, "largest_difference", lambda *arguments: float("nan"))
    with pytest.raises(EvaluationFailed, match="differ"):
        export_onnx(network, outcome.blueprint.image_shape, {})


def test_images_are_read_as_they_were_prepared(bundle, tmp_path):
    """The network saw a central part in a size of its own; other files are cut and resampled as the data set's were."""
    network = model.load(bundle / "weights.safetensors")
    network.meta["preprocessing"] = {"stored": [16, 16], "central_crop": 0.5}
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[4:12, 4:12] = images(1)[0].transpose(1, 2, 0)
    Image.fromarray(pixels).save(tmp_path / "stored.png")
    assert np.array_equal(model.read_image(tmp_path / "stored.png", network).numpy(), images(1)[0])
    network.meta["preprocessing"] = {}
    wide = np.concatenate(
        [np.zeros((8, 4, 3), np.uint8), images(1)[0].transpose(1, 2, 0), np.zeros((8, 4, 3), np.uint8)], 1
    )
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert np.array_equal(model.read_image(tmp_path / "wide.png", network).numpy(), images(1)[0])
    clear = Image.new("RGBA", (8, 8), (10, 20, 30, 0))
    clear.save(tmp_path / "clear.png")
    assert (model.read_image(tmp_path / "clear.png", network) == 255).all()
