import hashlib
import http.server
import shutil
import threading

import numpy as np
import pytest

from nas_engine.datasets import downloads, prepare, read_split
from nas_engine.datasets.downloads import Archive, obtain
from nas_engine.errors import ConfigError
from tests.nas_engine.datasets.images import silent


@pytest.mark.parametrize(("name", "first"), [("mnist", "5"), ("fashion-mnist", "Ankle boot")])
def test_published_archives_are_read_from_a_local_folder(tmp_path, real_data, name, first):
    before = {path: path.stat().st_mtime_ns for path in real_data.rglob("*")}
    source = {"kind": "torchvision", "name": name}
    info = prepare(name, name, source, tmp_path / name, real_data, silent)
    assert (info.image_shape, info.train_images, info.test_images) == ((1, 28, 28), 60_000, 10_000)
    images, labels = read_split(tmp_path / name, "train")
    assert info.classes[labels[0]] == first
    assert not any("/" in one for one in info.classes), "a class is a folder name too"
    assert before == {path: path.stat().st_mtime_ns for path in real_data.rglob("*")}, "the folder is only read"
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


@pytest.mark.integration
def test_cifar_10_is_read_as_torchvision_lays_it_out(tmp_path, real_data):
    import lzma

    archives = sorted((real_data / "cifar10").glob("*.xz"))
    if len(archives) != 7:
        pytest.skip(f"no CIFAR-10 archives in {real_data / 'cifar10'}")
    root = tmp_path / "root/cifar-10-batches-py"
    root.mkdir(parents=True)
    for archive in archives:
        with lzma.open(archive) as source, (root / archive.stem).open("wb") as sink:
            shutil.copyfileobj(source, sink)
    info = prepare(
        "c", "CIFAR-10", {"kind": "torchvision", "name": "cifar-10"}, tmp_path / "c", tmp_path / "root", silent
    )
    assert (info.image_shape, info.train_images, info.test_images) == ((3, 32, 32), 50_000, 10_000)
    assert info.classes[0] == "airplane"
    np.testing.assert_allclose(info.mean, (0.4914, 0.4822, 0.4465), atol=1e-4)
    np.testing.assert_allclose(info.std, (0.2470, 0.2435, 0.2616), atol=1e-4)


def test_svhn_matrices_are_read(tmp_path, monkeypatch):
    import scipy.io
    from torchvision.datasets import SVHN

    root = tmp_path / "root"
    root.mkdir()
    parts = {}
    for part in ("train", "test"):
        pixels = np.arange(32 * 32 * 3 * 20).reshape(32, 32, 3, 20).astype(np.uint8)
        scipy.io.savemat(root / f"{part}.mat", {"X": pixels, "y": np.arange(1, 21)[:, None] % 10 + 1})
        parts[part] = [
            "http://127.0.0.1:9/x",
            f"{part}.mat",
            hashlib.md5((root / f"{part}.mat").read_bytes()).hexdigest(),
        ]
    monkeypatch.setattr(SVHN, "split_list", parts)
    info = prepare("svhn", "SVHN", {"kind": "torchvision", "name": "svhn"}, tmp_path / "s", root, silent)
    assert (info.image_shape, info.classes) == ((3, 32, 32), tuple("0123456789"))
    assert read_split(tmp_path / "s", "train")[1].max() == 9


def test_without_files_and_network_the_message_says_which_files_go_where(tmp_path, monkeypatch):
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(ConfigError) as caught:
        prepare("m", "MNIST", {"kind": "torchvision", "name": "mnist"}, tmp_path / "d/m", tmp_path / "tv", silent)
    text = str(caught.value)
    assert "train-images-idx3-ubyte.gz" in text and "t10k-labels-idx1-ubyte.gz" in text
    assert str(tmp_path / "tv/MNIST/raw") in text and "TORCHVISION_DIR" in text
    assert not list((tmp_path / "d").iterdir())


@pytest.fixture
def site(tmp_path):
    """A local web server over ``tmp_path/site``; yields its address."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            """Nobody reads it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def archive_of(site, tmp_path, data, mirrors=()):
    (tmp_path / "site/set.bin").write_bytes(data)
    return Archive("set.bin", (*mirrors, f"{site}set.bin"), hashlib.md5(data).hexdigest())


def test_a_download_is_checked_and_reports_progress(site, tmp_path):
    data = np.random.RandomState(0).bytes(3_000_000)
    archive = archive_of(site, tmp_path, data, mirrors=(f"{site}gone.bin",))
    seen = []
    (path,) = obtain([archive], tmp_path / "root", "Set", lambda done, text: seen.append((done, text)))
    assert path.read_bytes() == data
    assert seen[-1][0] == downloads.SHARE and "3 of 3 MB" in seen[-1][1]
    seen.clear()
    obtain([archive], tmp_path / "root", "Set", lambda done, text: seen.append(text))
    assert not seen, "a whole file is not fetched again"


def test_a_download_with_another_checksum_is_not_kept(site, tmp_path):
    archive = archive_of(site, tmp_path, b"right")
    (tmp_path / "site/set.bin").write_bytes(b"wrong")
    with pytest.raises(ConfigError, match="another checksum"):
        obtain([archive], tmp_path / "root", "Set", silent)
    assert not list((tmp_path / "root").iterdir())


def test_a_damaged_local_file_is_fetched_again(site, tmp_path):
    archive = archive_of(site, tmp_path, b"right")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/set.bin").write_bytes(b"damaged")
    (path,) = obtain([archive], tmp_path / "root", "Set", silent)
    assert path.read_bytes() == b"right"
