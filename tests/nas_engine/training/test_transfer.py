"""Cells found on small images trained on larger and odd ones, and cells of other families trained fully."""

import random

import numpy as np
import pytest
import torch
from PIL import Image

from nas_engine import catalog, zoo
from nas_engine.datasets import prepare, read_info
from nas_engine.full_training import read_full_training
from nas_engine.training.full import train_fully
from tests.nas_engine.training.full_fixtures import CLASSES, write_corners

SMALL = {
    "data": {"dataset": "corners"},
    "schedule": {"epochs": 1},
    "optimizer": {"learning_rate": 0.05, "batch_size": 8},
    "augmentation": {"crop": 0, "flip": True, "resized_crop": 0.4, "brightness": 0.2},
    "hardware": {"precision": "float32"},
}


def go(cells, folder, path, **changes):
    data = {**SMALL, **{part: {**SMALL.get(part, {}), **values} for part, values in changes.items()}}
    silent = (lambda one: None, lambda: False, lambda text: None)
    return train_fully(cells, read_full_training(data), folder, "cpu", 0, path, *silent)


@pytest.fixture(scope="module")
def corners(tmp_path_factory):
    return write_corners(tmp_path_factory.mktemp("datasets") / "corners", side=33, train=16, test=8)


@pytest.mark.parametrize(
    ("cell", "skeleton", "size"),
    [
        ("nasnet-a", {"kind": "imagenet", "dialect": "tf"}, 65),
        ("darts-v2", {"kind": "imagenet", "dialect": "darts"}, 97),
        ("darts-v2", {"dialect": "darts"}, 0),
        ("enas-micro", {"dialect": "enas"}, 45),
    ],
)
def test_a_cell_trains_at_larger_and_odd_sizes(corners, tmp_path, cell, skeleton, size):
    outcome = go(
        zoo.get(cell).cells, corners, tmp_path / "c",
        skeleton={"repeats": 1, "filters": 8, **skeleton}, data={"image_size": size}, regularisation={"aux_weight": 0.4},
    )  # fmt: skip
    side = size or 33
    assert outcome.blueprint.image_shape == (3, side, side) and outcome.stored_size == (33, 33)
    assert all(torch.isfinite(weights).all() for weights in outcome.weights.values())


@pytest.mark.parametrize("space", ["randwire", "mnasnet"])
def test_cells_of_other_families_train_fully(corners, tmp_path, space):
    entry = catalog.SPACES[space]
    built = entry.build(entry.config_class()())
    cells = built.cells(built.sample(random.Random(0)))
    fields = built.skeleton_fields
    outcome = go(
        cells, corners, tmp_path / "c",
        skeleton={"whole": fields is not None}, data={"image_size": 32}, schedule={"epochs": 1},
    )  # fmt: skip
    assert 0 <= outcome.test_accuracy <= 1 and outcome.blueprint.params > 0


def test_larger_pictures_are_prepared_and_trained_on_at_their_size(tmp_path):
    generator = np.random.default_rng(0)
    for place, name in enumerate(CLASSES[:2]):
        for number in range(6):
            path = tmp_path / "pictures" / name / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 100, (250 + number, 300, 3), dtype=np.uint8) + 100 * place
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    source = {"kind": "folder", "path": str(tmp_path / "pictures"), "size": 224}
    prepare("pictures", "Pictures", source, tmp_path / "prepared", tmp_path, lambda fraction, text: None)
    assert read_info(tmp_path / "prepared").image_shape == (3, 224, 224)
    outcome = go(
        zoo.get("nasnet-a").cells, tmp_path / "prepared", tmp_path / "c",
        data={"dataset": "pictures", "central_crop": 0.875}, optimizer={"batch_size": 4},
        skeleton={"kind": "imagenet", "repeats": 1, "filters": 8},
    )  # fmt: skip
    assert outcome.blueprint.image_shape == (3, 224, 224) and outcome.test_images >= 1
