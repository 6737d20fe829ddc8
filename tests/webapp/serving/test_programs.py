"""What is started on which machine, and that only one server holds a data folder."""

import json
import os
import socket
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from tasks.devices import gpu_of
from webapp.serving import programs
from webapp.serving.lock import AlreadyRunning, Lock


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("TRAIN_WORKERS", "TRAIN_THREADS", "ALLOWED_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(programs, "cores", lambda: 8)
    monkeypatch.setattr(programs, "memory", lambda: 64e9)


def words(program) -> str:
    return " ".join(program.command)


def test_a_train_worker_for_each_gpu():
    search, *trainers = programs.workers(gpus=2)
    assert search.name == "search-0" and "worker search" in words(search)
    assert [one.name for one in trainers] == ["train-0", "train-1"]
    assert "--gpu 1 --threads 4" in words(trainers[1]) and "--nice" not in words(trainers[1])


def test_on_the_cpu_as_many_as_cores_and_memory_carry():
    _, *trainers = programs.workers(gpus=0)
    assert len(trainers) == 8 and "--cpu --nice 10 --threads 1" in words(trainers[0])
    assert programs.cpu_workers(64, 256e9) == 16
    assert programs.cpu_workers(8, 4e9) == 2
    assert programs.cpu_workers(1, 1e9) == 1


def test_the_environment_overrides_the_numbers(monkeypatch):
    monkeypatch.setenv("TRAIN_WORKERS", "3")
    _, *trainers = programs.workers(gpus=2)
    assert [words(one).partition("--gpu ")[2][0] for one in trainers] == ["0", "1", "0"]
    monkeypatch.setenv("TRAIN_WORKERS", "0")
    assert len(programs.workers(gpus=0)) == 1, "a machine that only serves"
    monkeypatch.setenv("TRAIN_WORKERS", "two")
    with pytest.raises(ImproperlyConfigured, match="TRAIN_WORKERS='two'"):
        programs.workers(gpus=0)


def test_hosts_that_others_may_use_only_where_host_opens_it():
    assert programs.host_names("127.0.0.1") == ["localhost", "127.0.0.1", "[::1]"]
    assert socket.gethostname() in programs.host_names("0.0.0.0")
    assert programs.web("127.0.0.1", 8000).environment["ALLOWED_HOSTS"] == "localhost,127.0.0.1,[::1]"


def test_the_next_free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < programs.free_port("127.0.0.1", port) <= port + 99
    with pytest.raises(OSError):
        programs.free_port("203.0.113.7", 8000)


def test_a_gpu_among_those_that_are_visible():
    assert gpu_of(1, None) == "1"
    assert gpu_of(1, "2, GPU-5a") == "GPU-5a"
    with pytest.raises(IndexError):
        gpu_of(2, "0,1")


def test_one_server_to_a_data_folder(tmp_path):
    first = Lock(tmp_path / "server.lock")
    first.take()
    first.write({"pid": os.getpid(), "url": "http://127.0.0.1:8000"})
    with pytest.raises(AlreadyRunning, match=rf"at http://127.0.0.1:8000 \(process {os.getpid()}\)"):
        Lock(tmp_path / "server.lock").take()
    assert json.loads((tmp_path / "server.lock").read_text())["pid"] == os.getpid(), "the file is left as it is"
    os.close(first.descriptor)
    Lock(tmp_path / "server.lock").take()


def test_the_processes_of_a_killed_server_hold_its_lock(tmp_path):
    lock = Lock(tmp_path / "server.lock")
    lock.take()
    orphan = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock.descriptor,))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock.write({"pid": dead.pid})
    os.close(lock.descriptor)
    with pytest.raises(AlreadyRunning, match="still ending"):
        Lock(tmp_path / "server.lock").take()
    orphan.communicate(b"\n")
    Lock(tmp_path / "server.lock").take()
