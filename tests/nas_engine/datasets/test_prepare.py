import io
import json

import numpy as np
import pytest
from PIL import Image

from nas_engine.datasets import prepare, read_info, read_split
from nas_engine.errors import ConfigError
from tests.nas_engine.datasets.images import class_files, png_bytes, silent, write_tree, write_zip


def prepare_in(tmp_path, source, slug="leaves", report=silent):
    return prepare(slug, slug.title(), source, tmp_path / "datasets" / slug, tmp_path / "torchvision", report)


def test_digits_are_divided_for_ever_the_same_way(tmp_path):
    info = prepare_in(tmp_path, {"kind": "digits"}, "digits")
    assert (info.image_shape, info.train_images, info.test_images) == ((1, 8, 8), 1497, 300)
    assert info.classes == tuple("0123456789")
    assert info.fingerprint == "1798caf98ec729679b781086f4416cf5656dd95875c3771b5d1839ed4cd51943"
    assert read_info(tmp_path / "datasets/digits") == info
    images, labels = read_split(tmp_path / "datasets/digits", "train")
    assert images.dtype == np.uint8 and images.max() == 255 and labels.dtype == np.int64
    assert np.bincount(read_split(tmp_path / "datasets/digits", "test")[1]).tolist() == [
        30,
        30,
        30,
        31,
        30,
        30,
        30,
        30,
        29,
        30,
    ]
    assert info.mean == pytest.approx((images / 255).mean(axis=(0, 2, 3)))
    assert info.std == pytest.approx((images / 255).std(axis=(0, 2, 3)))


def test_nothing_is_pickled(tmp_path):
    prepare_in(tmp_path, {"kind": "digits"}, "digits")
    files = sorted(path.name for path in (tmp_path / "datasets/digits").iterdir())
    assert files == ["dataset.json", "test_images.npy", "test_labels.npy", "train_images.npy", "train_labels.npy"]
    for path in (tmp_path / "datasets/digits").glob("*.npy"):
        np.load(path, allow_pickle=False)


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("prefix", ["", "leaves/", "a/leaves/"])
def test_class_folders_become_classes(tmp_path, kind, prefix):
    files = class_files(("oak", "birch"), count=8, prefix=prefix)
    files |= {f"{prefix}oak/.DS_Store": b"x", f"__MACOSX/{prefix}oak/._0.png": b"x", f"{prefix}oak/Thumbs.db": b"x"}
    path = write_zip(tmp_path / "leaves.zip", files) if kind == "zip" else write_tree(tmp_path / "leaves", files)
    info = prepare_in(tmp_path, {"kind": kind, "path": str(path)})
    assert info.classes == ("birch", "oak")
    assert info.image_shape == (3, 10, 10)
    assert (info.train_images, info.test_images) == (14, 2)
    images, labels = read_split(tmp_path / "datasets/leaves", "train")
    stored = {image.tobytes() for image in images}
    originals = {
        np.asarray(Image.open(io.BytesIO(data))).transpose(2, 0, 1).tobytes()
        for name, data in files.items()
        if name.endswith(".png") and "._" not in name
    }
    assert stored < originals, "images of one size keep their pixels"


def test_a_folder_and_a_zip_of_it_are_the_same_data_set(tmp_path):
    files = class_files(count=5)
    zipped = write_zip(tmp_path / "leaves.zip", files)
    tree = write_tree(tmp_path / "leaves", files)
    first = prepare_in(tmp_path, {"kind": "zip", "path": str(zipped)}, "one")
    second = prepare_in(tmp_path, {"kind": "folder", "path": str(tree)}, "two")
    assert first.fingerprint == second.fingerprint


def test_train_valid_and_test_folders(tmp_path):
    files = class_files(prefix="data/train/", count=3) | class_files(prefix="data/val/", count=2)
    files |= class_files(prefix="data/test/", count=1)
    info = prepare_in(tmp_path, {"kind": "zip", "path": str(write_zip(tmp_path / "a.zip", files))})
    assert (info.train_images, info.test_images) == (10, 2)


def test_a_class_may_be_called_train(tmp_path):
    files = class_files(("bus", "train"), count=5)
    info = prepare_in(tmp_path, {"kind": "zip", "path": str(write_zip(tmp_path / "a.zip", files))})
    assert info.classes == ("bus", "train")


@pytest.mark.parametrize(
    ("sizes", "wanted", "shape"),
    [
        ([(10, 12)], None, (3, 12, 10)),
        ([(10, 12), (40, 20)], None, (3, 32, 32)),
        ([(10, 12), (40, 20)], 16, (3, 16, 16)),
        ([(200, 150)], None, (3, 32, 32)),
    ],
)
def test_images_are_brought_to_one_size(tmp_path, sizes, wanted, shape):
    files = {
        f"{name}/{number}.png": png_bytes(seed=number, size=sizes[number % len(sizes)])
        for name in ("birch", "oak")
        for number in range(4)
    }
    path = write_tree(tmp_path / "leaves", files)
    assert prepare_in(tmp_path, {"kind": "folder", "path": str(path), "size": wanted}).image_shape == shape


def test_grey_stays_one_channel_unless_one_image_has_colour(tmp_path):
    grey = class_files(count=4, mode="L")
    path = write_tree(tmp_path / "grey", grey)
    assert prepare_in(tmp_path, {"kind": "folder", "path": str(path)}).image_shape == (1, 10, 10)
    (path / "oak/0.png").write_bytes(png_bytes(mode="RGB"))
    assert prepare_in(tmp_path, {"kind": "folder", "path": str(path)}).image_shape == (3, 10, 10)


def test_progress_rises_to_one(tmp_path):
    seen = []
    path = write_tree(tmp_path / "leaves", class_files(count=5))
    prepare_in(tmp_path, {"kind": "folder", "path": str(path)}, report=lambda done, text: seen.append((done, text)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == 1.0 and "10 images" in seen[-1][1]


def test_an_added_set_is_replaced_whole_and_a_failed_attempt_leaves_it(tmp_path):
    path = write_tree(tmp_path / "leaves", class_files(count=5))
    first = prepare_in(tmp_path, {"kind": "folder", "path": str(path)})
    (path / "oak/0.png").write_bytes(b"not an image")
    with pytest.raises(ConfigError):
        prepare_in(tmp_path, {"kind": "folder", "path": str(path)})
    assert read_info(tmp_path / "datasets/leaves") == first
    (path / "oak/0.png").write_bytes(png_bytes(seed=77))
    second = prepare_in(tmp_path, {"kind": "folder", "path": str(path)})
    assert second.fingerprint != first.fingerprint
    assert [entry.name for entry in (tmp_path / "datasets").iterdir()] == ["leaves"]


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ({"kind": "ftp"}, "kind"),
        ({"kind": "torchvision", "name": "imagenet"}, "name"),
        ({"kind": "folder"}, "path"),
        ({"kind": "folder", "path": "/nowhere/at/all"}, "path"),
        ({"kind": "zip", "path": "/nowhere/at/all.zip"}, "path"),
        ({"kind": "zip", "path": "x.zip", "size": 4}, "size"),
        ({"kind": "zip", "path": "x.zip", "size": "32"}, "size"),
    ],
)
def test_a_wrong_source_names_its_field(tmp_path, source, field):
    with pytest.raises(ConfigError) as caught:
        prepare_in(tmp_path, source)
    assert list(caught.value.problems) == [field]
    assert not list(tmp_path.glob("datasets/*"))


def test_a_missing_or_damaged_store_says_so(tmp_path):
    with pytest.raises(ConfigError, match="no prepared data set"):
        read_info(tmp_path)
    with pytest.raises(ConfigError, match="missing or damaged"):
        read_split(tmp_path, "train")
    with pytest.raises(ConfigError):
        read_split(tmp_path, "valid")
    (tmp_path / "dataset.json").write_text(json.dumps({"slug": "x"}))
    with pytest.raises(ConfigError, match="no prepared data set"):
        read_info(tmp_path)
