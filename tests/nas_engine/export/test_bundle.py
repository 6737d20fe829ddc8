"""The bundle, used as its reader would: with torch, safetensors and Pillow, and nothing of ours."""

import ast
import hashlib
import io
import json
import sys
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from nas_engine import notation, zoo
from nas_engine.errors import ConfigError
from nas_engine.export import weights
from nas_engine.export.bundle import write_bundle
from nas_engine.export.bundle_zip import MODEL_FILE
from nas_engine.networks import model
from tests.nas_engine.export.lonely import run_lonely


@pytest.fixture(scope="module")
def packed(network, meta):
    return weights.pack(network.state_dict(), meta)


@pytest.fixture(scope="module")
def bundle(packed, tmp_path_factory):
    """The unzipped bundle's folder."""
    file = io.BytesIO()
    write_bundle(packed, file)
    folder = tmp_path_factory.mktemp("bundle")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    return folder


def run(bundle, *arguments):
    return run_lonely(bundle, "model.py", *arguments)


def draw(count):
    return np.random.default_rng(0).integers(0, 256, (count, 9, 12, 3), dtype=np.uint8)


def test_it_holds_five_files_whose_sums_are_right(bundle):
    assert sorted(path.name for path in bundle.iterdir()) == [
        "README.md", "SHA256SUMS", "architecture.json", "model.py", "weights.safetensors",
    ]  # fmt: skip
    for line in (bundle / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest


def test_equal_weights_give_equal_bytes(packed):
    files = io.BytesIO(), io.BytesIO()
    for file in files:
        write_bundle(packed, file)
    assert files[0].getvalue() == files[1].getvalue()


def test_architecture_json_tells_the_cells_in_every_notation(bundle, meta):
    data = json.loads((bundle / "architecture.json").read_text())
    cells = zoo.get("nasnet-a").cells
    assert notation.from_text(data["darts"]) == notation.from_text(data["nasnet"]) == cells
    assert data["protocol"] == meta["protocol"] and data["blueprint"]["params"] == meta["blueprint"]["params"]


def test_readme_states_the_facts(bundle, meta):
    text = (bundle / "README.md").read_text()
    assert "87.50%" in text and f"{meta['blueprint']['params']:,} parameters" in text and "pets for 3 epochs" in text


def test_model_file_imports_torch_and_the_standard_library_alone():
    imported = set()
    for node in ast.walk(ast.parse(MODEL_FILE.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module.split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"torch", "safetensors", "PIL"}


def test_it_names_the_likeliest_class_of_an_image(bundle, network, meta, tmp_path):
    pixels = draw(1)
    Image.fromarray(pixels[0]).save(tmp_path / "one.png")
    done = run(bundle, tmp_path / "one.png", "--top", "2")
    assert done.returncode == 0, done.stderr

    normalisation = meta["normalisation"]
    x = (torch.from_numpy(pixels) / 255 - torch.tensor(normalisation["mean"])) / torch.tensor(normalisation["std"])
    with torch.inference_mode():
        chances = network(x.permute(0, 3, 1, 2)).softmax(1)[0]
    name, *rows = done.stdout.splitlines()
    assert name.endswith("one.png") and len(rows) == 2
    chance, best = rows[0].split()
    assert best == meta["classes"][int(chances.argmax())]
    assert float(chance.rstrip("%")) / 100 == pytest.approx(float(chances.max()), abs=1e-4)


def test_it_measures_the_accuracy_over_folders_and_zips(bundle, network, meta, tmp_path):
    pixels = draw(40)
    normalisation = meta["normalisation"]
    x = (torch.from_numpy(pixels) / 255 - torch.tensor(normalisation["mean"])) / torch.tensor(normalisation["std"])
    with torch.inference_mode():
        guesses = network(x.permute(0, 3, 1, 2)).argmax(1)
    labels = guesses.clone()
    labels[:10] = (labels[:10] + 1) % 3  # ten of forty are labelled so that the network is wrong
    folders = ["cat", "dog", "T-shirt-top"]
    legend = [{"class": name, "folder": folder} for name, folder in zip(meta["classes"], folders, strict=True)]
    (tmp_path / "classes.json").write_text(json.dumps(legend))
    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        (tmp_path / folders[label]).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / folders[label] / f"{number}.png")
    with zipfile.ZipFile(tmp_path.parent / "images.zip", "w") as archive:
        for path in tmp_path.rglob("*.*"):
            archive.write(path, path.relative_to(tmp_path))

    done = run(bundle, "--evaluate", tmp_path.parent / "images.zip")
    assert (done.returncode, done.stdout) == (0, "accuracy 0.7500 (30 of 40 images)\n"), done.stderr
    assert model.evaluate(model.load(bundle / "weights.safetensors"), str(tmp_path)) == 0.75


@pytest.mark.parametrize("arguments", [(), ("nothing.png",), ("--evaluate", "nowhere"), ("README.md",)])
def test_bad_input_ends_with_a_sentence(bundle, arguments, monkeypatch, capsys):
    monkeypatch.chdir(bundle)
    try:
        status = model.main([*arguments, "--weights", "weights.safetensors"])
    except SystemExit as ended:
        status = ended.code
    assert status == 2 and capsys.readouterr().err.strip()


def test_another_file_is_no_network(bundle, monkeypatch, capsys):
    monkeypatch.chdir(bundle)
    assert model.main(["one.png", "--weights", "README.md"]) == 2
    assert "README.md" in capsys.readouterr().err


def test_a_rebuilt_network_gives_the_same_maps_and_logits(bundle, network):
    again = model.load(bundle / "weights.safetensors")
    x = torch.randn(2, 3, 9, 12, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(again(x), network(x), atol=1e-5)
        assert [stride for _, stride in again.forward_features(x)] == [1, 2, 3]


def test_other_files_make_no_bundle():
    with pytest.raises(ConfigError):
        write_bundle(b"no weights", io.BytesIO())
