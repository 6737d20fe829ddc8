import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from nas_engine.datasets import export_split, prepare, read_split, split_indices
from nas_engine.errors import ConfigError
from nas_engine.protocol import DataConfig
from tests.nas_engine.datasets.images import silent

LABELS = np.repeat(np.arange(4), [100, 50, 30, 20])
VALID = [2, 16, 26, 54, 55, 73, 75, 86, 93, 95, 107, 119, 124, 127, 137, 165, 172, 177, 193, 195]


def test_parts_are_disjoint_whole_and_in_proportion():
    train, valid = split_indices(LABELS, DataConfig(valid_fraction=0.1))
    assert sorted([*train, *valid]) == list(range(200))
    assert np.bincount(LABELS[valid]).tolist() == [10, 5, 3, 2]


def test_the_seed_decides_and_nothing_else():
    first, again, other = (split_indices(LABELS, DataConfig(split_seed=seed))[1] for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()
    assert split_indices(LABELS, DataConfig())[1].tolist() == VALID


def test_the_limit_takes_a_part_first():
    train, valid = split_indices(LABELS, DataConfig(train_limit=100, valid_fraction=0.2))
    assert (len(train), len(valid)) == (80, 20)
    assert np.bincount(LABELS[[*train, *valid]]).tolist() == [50, 25, 15, 10]
    assert len(split_indices(LABELS, DataConfig(train_limit=10**6))[0]) == 180


def test_every_class_is_on_both_sides_however_small():
    labels = np.array([0] * 97 + [1] * 2 + [2])
    with pytest.raises(ConfigError, match="two images"):
        split_indices(labels, DataConfig())
    train, valid = split_indices(labels[:-1], DataConfig(valid_fraction=0.01))
    assert set(labels[train]) == set(labels[valid]) == {0, 1}


def test_a_limit_below_two_images_a_class_is_refused():
    with pytest.raises(ConfigError) as caught:
        split_indices(LABELS, DataConfig(train_limit=7))
    assert "data.train_limit" in caught.value.problems


@pytest.mark.parametrize("part", ["train", "valid"])
def test_an_exported_part_holds_exactly_the_protocols_images(tmp_path, part):
    prepare("digits", "Digits", {"kind": "digits"}, tmp_path / "digits", tmp_path, silent)
    data = DataConfig(valid_fraction=0.2, train_limit=200)
    count = export_split(tmp_path / "digits", data, part, tmp_path / "part.zip")
    images, labels = read_split(tmp_path / "digits", "train")
    indices = split_indices(labels, data)[part == "valid"]
    with zipfile.ZipFile(tmp_path / "part.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")]
        assert len(names) == count == len(indices)
        for name, index in zip(names, indices, strict=True):
            assert name == f"{labels[index]}/{index:06d}.png"
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(archive.read(name)))), images[index][0])
