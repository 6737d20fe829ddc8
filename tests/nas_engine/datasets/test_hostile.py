"""What must be refused, with the sentence that says why, and with nothing left behind."""

import io
import stat
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from nas_engine.datasets import prepare, sources
from nas_engine.errors import ConfigError
from tests.nas_engine.datasets.images import class_files, png_bytes, silent, write_tree, write_zip


def refused(tmp_path, source):
    """The sentence of the refusal, after checking that nothing was added."""
    with pytest.raises(ConfigError) as caught:
        prepare("leaves", "Leaves", source, tmp_path / "datasets/leaves", tmp_path / "tv", silent)
    assert not any((tmp_path / "datasets").iterdir())
    assert not (tmp_path / "evil.png").exists() and not (tmp_path.parent / "evil.png").exists()
    return str(caught.value)


def refused_zip(tmp_path, files, name="flowers.zip"):
    return refused(tmp_path, {"kind": "zip", "path": str(write_zip(tmp_path / name, files))})


@pytest.mark.parametrize(
    "name", ["../evil.png", "birch/../../evil.png", "/evil.png", "..\\evil.png", "C:\\evil.png", "C:/evil.png"]
)
def test_a_path_outside_the_archive(tmp_path, name):
    text = refused_zip(tmp_path, class_files() | {name: png_bytes()})
    assert text.startswith(
        "flowers.zip was not added: one of its paths points outside the archive. Nothing was unpacked."
    )
    assert "evil.png" in text


def test_a_link_entry(tmp_path):
    path = write_zip(tmp_path / "flowers.zip", class_files())
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo("birch/passwords.png")
        entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    assert "birch/passwords.png is a link" in refused(tmp_path, {"kind": "zip", "path": str(path)})


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x05\x06" + b"\0" * 4, b"PK\x03\x04" + b"\0" * 400])
def test_not_a_zip(tmp_path, data):
    path = tmp_path / "flowers.zip"
    path.write_bytes(data)
    assert "it is not a zip file, or it is damaged" in refused(tmp_path, {"kind": "zip", "path": str(path)})


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_zip(tmp_path, keep):
    path = write_zip(tmp_path / "flowers.zip", class_files())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    assert refused(tmp_path, {"kind": "zip", "path": str(path)}).startswith("flowers.zip was not added")


def test_any_damaged_byte_is_refused_or_harmless(tmp_path):
    original = write_zip(tmp_path / "flowers.zip", class_files(count=3)).read_bytes()
    rng = np.random.RandomState(0)
    for trial in range(60):
        data = bytearray(original)
        for at in rng.randint(0, len(data), 3):
            data[at] ^= 1 << rng.randint(8)
        (tmp_path / "flowers.zip").write_bytes(data)
        source = {"kind": "zip", "path": str(tmp_path / "flowers.zip")}
        try:
            prepare("leaves", "Leaves", source, tmp_path / f"datasets/{trial}", tmp_path / "tv", silent)
        except ConfigError as error:
            assert "flowers.zip was not added" in str(error)
            assert not (tmp_path / f"datasets/{trial}").exists()


def test_a_false_size_in_the_directory(tmp_path):
    path = write_zip(tmp_path / "flowers.zip", class_files())
    data = bytearray(path.read_bytes())
    entry = data.find(b"PK\x01\x02")
    struct.pack_into("<L", data, entry + 24, 5)
    path.write_bytes(data)
    assert "birch/0.png cannot be read" in refused(tmp_path, {"kind": "zip", "path": str(path)})


def test_a_bomb_by_total_size(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MOST_BYTES", 2 << 30)
    path = write_zip(tmp_path / "flowers.zip", class_files())
    data = bytearray(path.read_bytes())
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        struct.pack_into("<L", data, at + 24, 1 << 30)
    path.write_bytes(data)
    assert "it would unpack to more than 2 GB" in refused(tmp_path, {"kind": "zip", "path": str(path)})


def test_a_bomb_by_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MOST_FILE_BYTES", 1 << 20)
    bomb = zipfile.ZipFile(tmp_path / "flowers.zip", "w", zipfile.ZIP_DEFLATED)
    with bomb:
        for name, data in class_files().items():
            bomb.writestr(name, data)
        bomb.writestr("birch/large.png", b"\0" * (2 << 20))
    text = refused(tmp_path, {"kind": "zip", "path": str(tmp_path / "flowers.zip")})
    assert "birch/large.png would unpack to more than 1 MB" in text


def test_a_bomb_by_count(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MOST_FILES", 7)
    assert "it lists 8 files" in refused_zip(tmp_path, class_files(count=4))


def test_a_bomb_by_directory_is_refused_before_it_is_loaded(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "flowers.zip", class_files())
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.rfind(b"PK\x05\x06") + 12, 0xF0000000)
    path.write_bytes(data)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert "it lists more than 500,000 files" in refused(tmp_path, {"kind": "zip", "path": str(path)})


def test_an_encrypted_zip(tmp_path):
    path = write_zip(tmp_path / "flowers.zip", class_files())
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "it is encrypted" in refused(tmp_path, {"kind": "zip", "path": str(path)})


def test_a_corrupt_image_is_named(tmp_path):
    files = class_files(count=4)
    assert "oak/2.png cannot be read as an image" in refused_zip(tmp_path, files | {"oak/2.png": b"hello"})
    whole = files["oak/2.png"]
    assert "oak/2.png is damaged" in refused_zip(tmp_path, files | {"oak/2.png": whole[: len(whole) // 2]})


def test_an_image_that_would_fill_the_memory_is_named(tmp_path):
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    assert "oak/9.png" in refused_zip(tmp_path, class_files() | {"oak/9.png": file.getvalue()})


def test_a_too_small_image_is_named(tmp_path):
    text = refused_zip(tmp_path, class_files() | {"oak/tiny.png": png_bytes(size=(12, 7))})
    assert "oak/tiny.png is 12 × 7 pixels; images need 8 × 8 or more" in text


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "it holds no images"),
        ({"notes.txt": b"x", "birch/notes.txt": b"x"}, "it holds no images"),
        ({"0.png": png_bytes(), "1.png": png_bytes()}, "all images lie in one folder"),
        (class_files(("birch",)), "it has one class only, birch"),
        (class_files() | {"rowan/": b""}, "the class rowan has no images"),
        (class_files() | {"rowan/notes.txt": b"x"}, "the class rowan has no images"),
        (class_files() | {"rowan/0.png": png_bytes()}, "the class rowan has 1 images"),
        (class_files(prefix="train/") | class_files(("elm",), prefix="test/"), "test/ has the class elm"),
        (class_files(prefix="train/") | {"test/": b""}, "test/ holds no images"),
        (class_files(prefix="train/") | class_files(prefix="more/"), "beside train/ stands more/"),
    ],
)
def test_layouts_that_are_no_data_set(tmp_path, files, said):
    text = refused_zip(tmp_path, files)
    assert said in text and text.startswith("flowers.zip was not added: ") and text.endswith("Nothing was unpacked.")


def test_a_folder_that_links_to_itself_is_read_once(tmp_path):
    tree = write_tree(tmp_path / "leaves", class_files(count=5))
    (tree / "oak/loop").symlink_to(tree)
    info = prepare("leaves", "Leaves", {"kind": "folder", "path": str(tree)}, tmp_path / "d/x", tmp_path, silent)
    assert info.train_images + info.test_images == 10


def test_an_upload_is_called_by_its_own_name(tmp_path):
    path = write_zip(tmp_path / "tmp83hf.upload", class_files(("birch",)))
    text = refused(tmp_path, {"kind": "zip", "path": str(path), "name": "flowers.zip"})
    assert text.startswith("flowers.zip was not added")
