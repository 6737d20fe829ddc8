"""The product as users run it, in processes of its own, and a Chromium that fails a test on whatever the console reports.

Tests here touch the product by browser, HTTP and command line only. They never use the database in this process: with a
Playwright session open, every Django query in it would raise SynchronousOnlyOperation.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SERIOUS = ("serious", "critical")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class Product:
    """A running Nasturtium over a data folder of its own."""

    url: str
    data: Path
    env: dict

    def manage(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run a manage.py command beside it."""
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=ROOT, env=self.env, text=True, capture_output=True, check=check, timeout=300)

    def json(self, *words: str):
        """What a manage.py command prints with --json."""
        return json.loads(self.manage(*words, "--json").stdout)

    def seed(self, what: str) -> str:
        """What ``tests.webapp.seeding`` prints that puts ``what`` into the product's database."""
        command = [sys.executable, "-m", "tests.webapp.seeding", what]
        run = subprocess.run(command, cwd=ROOT, env=self.env, text=True, capture_output=True, check=False, timeout=300)
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()

    def printed_link(self) -> str | None:
        """The one-time link that the start printed, once it is there."""
        found = re.search(rf"{re.escape(self.url)}/login/\S+", self.log.read_text(errors="replace"))
        return found and found[0]

    def new_link(self) -> str:
        """A fresh one-time link; the ones before stop working."""
        return self.manage("owner", "--url", self.url).stdout.strip()

    def log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-60:])

    @property
    def log(self) -> Path:
        return self.data / "test-product.log"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def product(tmp_path_factory):
    """Starts everything, waits until it says how to log in, and stops everything."""
    data = tmp_path_factory.mktemp("product")
    port = free_port()
    env = {**os.environ, "NASTURTIUM_DATA": str(data), "PORT": str(port), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    env |= {"TRAIN_WORKERS": "1", "TRAIN_THREADS": "1"}
    for name in ("REDIS_URL", "DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HTTPS", "DEBUG"):
        env.pop(name, None)
    running = Product(f"http://127.0.0.1:{port}", data, env)
    process = start(running)
    try:
        wait_until_up(running, process)
        yield running
    finally:
        stop(process)


@pytest.fixture(scope="session")
def cells(product) -> dict:
    """Measured cells beside the running product, and the keys of three: NASNet-A, one with a neighbour, a deep one."""
    return json.loads(product.seed("few"))


def start(running: Product) -> subprocess.Popen:
    """What script/server runs once the environment is there."""
    command = [sys.executable, "-m", "webapp.serving"]
    with running.log.open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, env=running.env, stdout=log, stderr=log, start_new_session=True)


def wait_until_up(running: Product, process: subprocess.Popen, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"The product ended with status {process.returncode} at its start:\n{running.log_end()}")
        if running.printed_link():
            with urllib.request.urlopen(f"{running.url}/healthz", timeout=10) as response:
                assert response.status == 200
            return
        time.sleep(0.1)
    pytest.fail(f"The product was not up within {seconds:.0f} s:\n{running.log_end()}")


def stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the product's log."""
    report = (yield).get_result()
    running = item.funcargs.get("product") if report.failed else None
    if running:
        report.sections.append(("end of the product's log", running.log_end()))


# ---- the browser


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    with sync_playwright() as playwright:
        bundled = playwright.chromium.executable_path
        if not found and not Path(bundled).exists():
            pytest.skip("no Chromium here: install one, or name its path in CHROMIUM")
        options = ["--no-sandbox", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=found, args=options)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def signed_in(product, browser):
    """The cookies of the owner, who came by the link that the start printed."""
    context = browser.new_context()
    visit = context.new_page()
    visit.goto(product.printed_link())
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def allowed_errors():
    """Console messages a test brings about on purpose, as regular expressions."""
    return []


@pytest.fixture
def open_page(product, browser, signed_in, allowed_errors):
    """Makes pages: ``open_page(width=360, theme="dark", signed=False)``. The test fails on what their consoles report."""
    contexts, problems = [], []

    def make(width: int = 1440, height: int = 900, theme: str | None = None, signed: bool = True, **options):
        state = signed_in if signed else None
        context = browser.new_context(
            base_url=product.url,
            storage_state=state,
            viewport={"width": width, "height": height},
            accept_downloads=True,
            **options,
        )
        context.set_default_timeout(15_000)
        if theme:
            context.add_cookies([{"name": "theme", "value": theme, "url": product.url}])
        contexts.append(context)
        page = context.new_page()
        watch(page, product.url, problems)
        return page

    yield make
    for context in contexts:
        context.close()
    unexpected = [text for text in problems if not any(re.search(pattern, text) for pattern in allowed_errors)]
    assert not unexpected, "The browser reported:\n" + "\n".join(unexpected)


@pytest.fixture
def page(open_page):
    """A page of 1440 x 900, signed in as the owner."""
    return open_page()


def watch(page, origin: str, problems: list[str]) -> None:
    def on_console(message):
        if message.type == "error":
            problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def on_request(request):
        parts = urlsplit(request.url)
        if parts.scheme in ("data", "blob"):
            return
        if f"{parts.scheme}://{parts.netloc}" != origin:
            problems.append(f"request to another origin: {request.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
    page.on("request", on_request)


@pytest.fixture
def axe():
    """``axe(page)`` fails on a serious or critical accessibility problem."""
    from axe_playwright_python.sync_playwright import Axe

    checker = Axe()

    def check(page):
        # What passes is not asked for in detail: that takes half the time.
        violations = checker.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        found = [
            f"{violation['id']} ({violation['impact']}): {violation['help']}\n    "
            + "\n    ".join(node["html"][:200] for node in violation["nodes"][:5])
            for violation in violations
            if violation["impact"] in SERIOUS
        ]
        assert not found, f"axe on {page.url}:\n" + "\n".join(found)

    return check
