"""How the results pages behave over a database of 100,000 trials, measured in a real Chromium against the real server.

    .venv/bin/python -m benchmarks.ui_scale --trials 100000 --data /tmp/scale --out benchmarks/results/ui_scale.json

The trials are drawn at random (``tests.webapp.seeding``) into a data folder of their own, which is kept and used again; a
tenth as many more are cells of one protocol from another seed. For every page: server time (request sent until the first
byte arrives) of the first visit and of later ones, time until its table and its main plot are drawn, the bytes of a first
visit with an empty cache, and afterwards the memory of the web server's processes. Between the first visit and later ones
no trial changes, so the later ones find what was read of the trials kept.
"""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WINDOW = {"width": 1440, "height": 900}
PAGES = {
    "leaderboard": "/leaderboard/",
    "leaderboard, filtered by MACs": "/leaderboard/?macs_max=1.2",
    "leaderboard, filtered by operation": "/leaderboard/?q=op:sep_conv_7x7",
    "leaderboard, sorted by latency": "/leaderboard/?sort=latency",
    "leaderboard, sorted by the mean over seeds": "/leaderboard/?sort=-seeds",
    "leaderboard, page 400": "/leaderboard/?page=400",
    "leaderboard, against latency": "/leaderboard/?cost=latency",
    "leaderboard, the other protocol": "/leaderboard/?protocol={other}",
    "search of 37,500 trials": "/searches/1/",
    "searches": "/searches/",
    "home": "/",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--data", type=Path, default=Path("/tmp/nasturtium-scale"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    environment = _environment(options.data)
    _seed(options.data, options.trials, environment)
    server = _start(options.data, environment)
    try:
        url, link = _wait(options.data, server)
        rows = _measure(url, link, options.repeats)
        memory = _web_memory(server.pid)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    result = {
        "command": " ".join(["python -m benchmarks.ui_scale", *sys.argv[1:]]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "trials": options.trials,
        "repeats": options.repeats,
        "web_memory_mb": memory,
        "pages": rows,
    }
    _print(result)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _environment(data: Path) -> dict[str, str]:
    own = {"NASTURTIUM_DATA": str(data), "PORT": "8790", "TRAIN_WORKERS": "1", "TRAIN_THREADS": "1"}
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "webapp.settings"} | own


def _seed(data: Path, trials: int, environment: dict[str, str]) -> None:
    done = data / f"seeded-{trials}"
    if done.exists():
        return
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    print(f"Making {trials:,} trials in {data} ...", file=sys.stderr)
    for command in (["manage.py", "prepare"], ["-m", "tests.webapp.seeding", str(trials)]):
        subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True, stdout=sys.stderr)
    done.touch()


def _start(data: Path, environment: dict[str, str]) -> subprocess.Popen:
    log = (data / "scale.log").open("wb")
    command = [sys.executable, "-m", "webapp.serving"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)


def _wait(data: Path, server: subprocess.Popen) -> tuple[str, str]:
    """The address, and the one-time link that the start prints."""
    for _ in range(1200):
        found = re.search(r"(http://[^/\s]+)/login/\S+", (data / "scale.log").read_text(errors="replace"))
        if found:
            return found[1], found[0]
        if server.poll() is not None:
            raise SystemExit((data / "scale.log").read_text())
        time.sleep(0.1)
    raise SystemExit("The server did not come up.")


def _measure(url: str, link: str, repeats: int) -> list[dict]:
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    options = {"executable_path": found, "args": ["--no-sandbox", "--disable-background-networking"]}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        stranger = playwright.chromium.launch(**options)
        # A profile on disk, as people have one: Chromium keeps compiled scripts there, and nowhere for a private window.
        regular = playwright.chromium.launch_persistent_context(profile, viewport=WINDOW, **options)
        page = regular.new_page()
        page.goto(link)
        state = regular.storage_state()
        page.goto(f"{url}/leaderboard/?starred=1")  # what nobody keeps: the first visit below finds nothing read
        other = page.locator("#protocol option").nth(1).get_attribute("value")
        rows = []
        for name, path in PAGES.items():
            address = url + path.format(other=other)
            rows.append({"page": name, **_first(stranger, state, address), **_again(page, address, repeats)})
        regular.close()
        stranger.close()
    return rows


def _first(browser, state: dict, url: str) -> dict:
    """A visit with an empty cache, for the bytes."""
    context = browser.new_context(storage_state=state, viewport=WINDOW)
    page = context.new_page()
    waited, seen = _visit(page, url)
    page.wait_for_timeout(300)
    sizes = page.evaluate("performance.getEntriesByType('resource').map((e) => e.transferSize)")
    document = page.evaluate("performance.getEntriesByType('navigation')[0].transferSize")
    context.close()
    return {
        "first_server_ms": round(waited),
        "first_visible_ms": round(seen),
        "first_visit_bytes": sum(sizes) + document,
        "document_bytes": document,
    }


def _again(page, url: str, repeats: int) -> dict:
    """Later visits of somebody who comes back."""
    _visit(page, url)
    server, visible = zip(*(_visit(page, url) for _ in range(repeats)), strict=True)
    return {
        "server_ms": round(statistics.median(server)),
        "server_ms_max": round(max(server)),
        "visible_ms": round(statistics.median(visible)),
        "visible_ms_max": round(max(visible)),
    }


def _visit(page, url: str) -> tuple[float, float]:
    """Milliseconds until the first byte of the answer, and until table and main plot are drawn."""
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector("main table tbody tr, main .cards, main .home-grid, main section", timeout=60_000)
    if page.locator("[data-figure]").count():
        page.wait_for_selector("[data-figure][data-drawn]", timeout=60_000)
    seen = 1000 * (time.perf_counter() - started)
    page.wait_for_load_state("load")
    timing = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
    return timing["responseStart"] - timing["requestStart"], seen


def _web_memory(group: int) -> float:
    """Proportional memory of the web server's processes, in MB."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if b"granian" in command and b"8790" in command:
                text = (process / "smaps_rollup").read_text()
                total += int(re.search(r"Pss:\s+(\d+)", text)[1])
        except (OSError, TypeError):
            continue
    return round(total / 1024, 1)


def _print(result: dict) -> None:
    print(f"{result['trials']:,} trials; web server {result['web_memory_mb']} MB; {result['machine']}")
    print(
        f"{'page':44} {'first, ms':>10} {'server ms':>14} {'visible ms':>16} {'first visit kB':>15} {'document kB':>12}"
    )
    for row in result["pages"]:
        server = f"{row['server_ms']} (max {row['server_ms_max']})"
        visible = f"{row['visible_ms']} (max {row['visible_ms_max']})"
        print(
            f"{row['page']:44} {row['first_server_ms']:10} {server:>14} {visible:>16} "
            f"{row['first_visit_bytes'] / 1e3:15.0f} {row['document_bytes'] / 1e3:12.0f}"
        )


if __name__ == "__main__":
    sys.exit(main())
