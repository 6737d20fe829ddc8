"""The product in processes of its own, over a temporary data folder; tests look at it from outside."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from webapp.serving.processes import end_with_parent

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 420.0  # seconds; machines that run tests are busy
TINY = {
    "name": "Tiny digits",
    "strategy": "random",
    "space_config": {"blocks": 2},
    "data": {"dataset": "digits", "valid_fraction": 0.2, "train_limit": 300},
    "skeleton": {"repeats": 1, "filters": 4},
    "training": {"epochs": 4, "batch_size": 32, "learning_rate": 0.1, "crop": 1, "flip": False, "precision": "float32"},
    "budget": {"trials": 8, "parallelism": 2, "keep_weights": 2},
}


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


ANSWER = """
import json, sys
import django
django.setup()
from webapp.models import *
for line in sys.stdin:
    print(json.dumps(eval(line), default=str), flush=True)
"""


class Server:
    """``python -m webapp.serving``, what script/server runs once the environment is there."""

    def __init__(self, data: Path, **environment: str):
        self.data, self.log = data, data / "server.log"
        data.mkdir(exist_ok=True)
        own = {"NASTURTIUM_DATA": str(data), "PORT": str(free_port()), "TRAIN_WORKERS": "1", "TRAIN_THREADS": "1"}
        self.environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "webapp.settings", **own}
        for name in ("REDIS_URL", "DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HTTPS", "DEBUG", "HOST"):
            self.environment.pop(name, None)
        self.environment |= environment
        self.process: subprocess.Popen | None = None
        self.asked: subprocess.Popen | None = None

    def start(self) -> None:
        """Start and wait until it has printed its address."""
        before = self.text().count("Nasturtium is running at")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "webapp.serving"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # Tests that are broken off must not leave a server behind.
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
        self.wait(lambda: self.text().count("Nasturtium is running at") > before, "the start")

    def stop(self, number: int = signal.SIGINT) -> int:
        """Ctrl-C. Returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"The server did not stop:\n{self.end_of_log()}") from None

    def manage(self, *words: str, **options) -> subprocess.CompletedProcess:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, text=True, capture_output=True, timeout=PATIENCE, **options
        )

    def ask(self, expression: str):
        """The JSON value of a Python expression over the models, evaluated beside the server by one lasting process."""
        if self.asked is None:
            self.asked = subprocess.Popen(
                [sys.executable, "-c", ANSWER],
                cwd=ROOT,
                env=self.environment,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        self.asked.stdin.write(expression + "\n")
        self.asked.stdin.flush()
        return json.loads(self.asked.stdout.readline())

    def pid(self, worker: str) -> int:
        """The process of a worker, "train-0", as it reported itself."""
        (pid,) = self.ask(f"list(Worker.objects.filter(name__startswith={worker!r}).values_list('pid', flat=True))")
        return pid

    def children(self) -> dict[int, str]:
        """Process ids and command lines of what the server started."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                status, command = (process / "status").read_text(), (process / "cmdline").read_bytes()
            except OSError:
                continue
            if re.search(rf"^PPid:\s+{self.process.pid}$", status, re.MULTILINE):
                found[int(process.name)] = command.replace(b"\0", b" ").decode()
        return found

    @contextmanager
    def held(self):
        """The server's own process, which starts again what ends, stands still while the block runs; its children go on."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def wait(self, condition, what: str):
        """Wait until ``condition()`` is true and return what it gave."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            if self.process.poll() is not None:
                raise AssertionError(f"The server ended while {what} was waited for:\n{self.end_of_log()}")
            time.sleep(0.2)
        raise AssertionError(f"Waited in vain for {what}:\n{self.end_of_log()}")

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def end_of_log(self) -> str:
        return "\n".join(self.text().splitlines()[-80:])

    def search(self, *words: str, **changes) -> dict:
        """Start a search of TINY, with the changes, by the command line; returns what it prints as JSON."""
        self.wait(lambda: self.ask("list(Dataset.objects.values_list('state', flat=True))") == ["ready"], "digits")
        config = {
            key: {**value, **changes.pop(key, {})} if isinstance(value, dict) else value for key, value in TINY.items()
        }
        file = self.data / "search.json"
        file.write_text(json.dumps(config | changes))
        result = self.manage("search", str(file), "--json", *words)
        assert result.returncode == 0, result.stderr + self.end_of_log()
        return json.loads(result.stdout)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server(tmp_path):
    """A server to start; stopped at the end whatever happens."""
    made = []

    def make(**environment: str) -> Server:
        made.append(Server(tmp_path / f"data-{len(made)}", **environment))
        return made[-1]

    yield make
    for one in made:
        if one.asked:
            one.asked.communicate()
        if one.process and one.process.poll() is None:
            one.stop(signal.SIGTERM)
