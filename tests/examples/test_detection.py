"""The worked example: a bundle's network under torchvision's Faster R-CNN."""

import importlib.util
from pathlib import Path

import pytest
import torch

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.export.bundle_zip import MODEL_FILE
from nas_engine.export.weights import pack
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig

EXAMPLE = Path(__file__).parents[2] / "examples" / "detection.py"


@pytest.fixture(scope="module")
def example():
    specification = importlib.util.spec_from_file_location("detection", EXAMPLE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=["tf", "darts"])
def bundle(request, tmp_path_factory):
    """A folder with model.py and weights of a network planned for 32 x 32 pixels."""
    torch.manual_seed(0)
    cells = zoo.get("nasnet-a" if request.param == "tf" else "darts-v2").cells
    made = build_blueprint(cells, SkeletonConfig(repeats=1, filters=4, dialect=request.param), (3, 32, 32), 10)
    network = build(made)
    with torch.no_grad():
        for _ in range(8):  # running statistics of what it will be shown
            network.train()(torch.randn(16, 3, 32, 32))
    meta = {
        "blueprint": made.as_json(), "cells": [cell.as_json() for cell in cells], "classes": list("abcdefghij"),
        "normalisation": {"mean": [0.3] * 3, "std": [0.3] * 3},
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "weights.safetensors").write_bytes(pack(network.state_dict(), meta))
    (folder / "model.py").write_bytes(MODEL_FILE.read_bytes())
    return folder


def test_it_needs_nothing_of_ours():
    assert "nas_engine" not in EXAMPLE.read_text()


@pytest.mark.parametrize("bundle", ["tf"], indirect=True)
def test_it_learns_to_find_rectangles(example, bundle):
    torch.manual_seed(0)
    model = example.detector(example.load_bundle(bundle), classes=2, side=64)
    before = example.mean_overlap(model, 3, 64, 6)
    losses = example.train(model, 3, 64, 16)
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert example.mean_overlap(model, 3, 64, 6) > before + 0.1


def test_images_of_any_size_and_shape(example, bundle):
    model = example.detector(example.load_bundle(bundle), classes=3, side=50).eval()
    with torch.inference_mode():
        found = model([torch.rand(3, 70, 50), torch.rand(3, 51, 99)])
    assert len(found) == 2 and all(set(one) == {"boxes", "labels", "scores"} for one in found)
