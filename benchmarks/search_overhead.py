"""What a search costs beside training: the product is started in a folder of its own and runs the laptop demo.

    .venv/bin/python -m benchmarks.search_overhead --trials 8

Prints, and writes into benchmarks/results/search_overhead.json: seconds from the start of the server until its page can be
opened and until every train worker is ready; from the start of the search until the first epoch is stored; between two
trials of one worker; and the share of the workers' time, from their first trial's start to their last one's end, that is
no epoch of training (building, latency, storing, weights, waiting for the next proposal).
"""

import argparse
import json
import os
import platform
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results" / "search_overhead.json"


def wait(condition, what: str, seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"Waited in vain for {what}.")
        time.sleep(0.02)


def rows(data: Path, query: str) -> list[tuple]:
    """Of the product's database; none while it is being made."""
    found = list(data.glob("*.sqlite3"))
    if not found:
        return []
    with closing(sqlite3.connect(f"file:{found[0]}?mode=ro", uri=True)) as database:
        try:
            return database.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []


def trials(data: Path) -> list[dict]:
    query = "SELECT worker, started, ended, curve FROM webapp_trial WHERE ended IS NOT NULL AND started IS NOT NULL"
    return [
        {
            "worker": worker,
            "started": datetime.fromisoformat(started).timestamp(),
            "ended": datetime.fromisoformat(ended).timestamp(),
            "epochs": sum(epoch["seconds"] for epoch in json.loads(curve)),
        }
        for worker, started, ended, curve in rows(data, query)
    ]


def summary(found: list[dict]) -> dict:
    """Of ended trials: gaps between those of one worker, and the share of time that is no epoch."""
    gaps, whole, epochs, inside = [], 0.0, 0.0, []
    for worker in {one["worker"] for one in found}:
        own = sorted((one for one in found if one["worker"] == worker), key=lambda one: one["started"])
        gaps += [after["started"] - before["ended"] for before, after in zip(own, own[1:], strict=False)]
        whole += own[-1]["ended"] - own[0]["started"]
        epochs += sum(one["epochs"] for one in own)
        inside += [one["ended"] - one["started"] - one["epochs"] for one in own]
    return {
        "trials": len(found),
        "seconds of a trial": statistics.median(one["ended"] - one["started"] for one in found),
        "of these no epoch": statistics.median(inside),
        "between two trials": statistics.median(gaps),
        "share of time that is no epoch": 1 - epochs / whole,
    }


def measure(data: Path, count: int) -> dict:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "NASTURTIUM_DATA": str(data), "PORT": str(port)}
    log = data / "server.log"
    started = time.monotonic()
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "webapp.serving"], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
    try:
        wait(lambda: b"is running at" in log.read_bytes(), "the server")
        result = {"page after": time.monotonic() - started}
        wait(lambda: log.read_bytes().count(b"is ready on") > 1, "the workers")
        result["worker ready after"] = time.monotonic() - started
        wait(lambda: rows(data, "SELECT 1 FROM webapp_dataset WHERE state = 'ready'"), "digits")
        asked = time.monotonic()
        search = [sys.executable, "manage.py", "search", "laptop-demo", "--set", f"budget.trials={count}", "--json"]
        subprocess.run(search, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        result["search stored after"] = time.monotonic() - asked
        wait(lambda: rows(data, "SELECT 1 FROM webapp_trial WHERE epoch > 0"), "the first epoch")
        result["first epoch after"] = time.monotonic() - asked
        wait(lambda: len(trials(data)) >= count, "the trials", 3600)
        return result | summary(trials(data))
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nasturtium-") as folder:
        result = measure(Path(folder), arguments.trials)
    result["about"] = {
        "command": f"python -m benchmarks.search_overhead --trials {arguments.trials}",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
    }
    for name, value in result.items():
        print(f"{name}: {value:.3f}" if isinstance(value, float) else f"{name}: {value}")
    if not arguments.no_write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
