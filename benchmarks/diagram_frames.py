"""How smoothly a cell diagram is panned and zoomed: the stage of a randomly wired network, 32 nodes, in a real Chromium.

Draws a Watts-Strogatz graph, WS(32, 4, 0.75), with the diagram module the pages use, drags it around and zooms with the
wheel, and reads the time between frames from requestAnimationFrame. Prints frames per second, the slowest frames, and
the time the server takes to lay the graph out. "still" is the same pointer beside the diagram: the best the machine
allows. Nothing else needs to run:

    python benchmarks/diagram_frames.py [--seconds 3] [--json]
"""

import argparse
import json
import math
import os
import random
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SHEETS = ("tokens", "base", "layout", "parts", "diagram", "cell")
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
NODES, NEAREST, REWIRED = 32, 4, 0.75
RECORD = """() => {
  const times = window.times = [];
  const tick = (now) => { times.push(now); window.going = requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""


def watts_strogatz(seed: int) -> list[tuple[int, int]]:
    """Edges from lower to higher of a ring of 32 nodes, each tied to the 2 next ones, rewired with probability 0.75."""
    rng, edges = random.Random(seed), set()
    for step in range(1, NEAREST // 2 + 1):
        edges |= {tuple(sorted((node, (node + step) % NODES))) for node in range(NODES)}
    for step in range(1, NEAREST // 2 + 1):
        for node in range(NODES):
            edge = tuple(sorted((node, (node + step) % NODES)))
            free = [tuple(sorted((node, to))) for to in range(NODES) if to != node]
            free = [other for other in free if other not in edges]
            if edge in edges and free and rng.random() < REWIRED:
                edges.remove(edge)
                edges.add(rng.choice(free))
    return sorted(edges)


def stage(seed: int) -> tuple[dict, float]:
    """(the layout the page is given, milliseconds it took) of one stage between its input and its output."""
    from webapp.diagrams.layered import arrange

    inner = [(a + 1, b + 1) for a, b in watts_strogatz(seed)]
    entered, left = {b for _, b in inner}, {a for a, _ in inner}
    numbers = range(1, NODES + 1)
    edges = [(0, n) for n in numbers if n not in entered] + inner + [(n, NODES + 1) for n in numbers if n not in left]
    began = time.perf_counter()
    placed = arrange(edges, tries=1)
    took = 1000 * (time.perf_counter() - began)
    nodes = []
    for number, (rank, lane) in sorted(placed.places.items()):
        entry = {"id": f"n{number}", "kind": "op", "rank": rank, "lane": lane, "label": "sep 3×3", "family": "sep"}
        if number in (0, NODES + 1):
            entry = {"id": f"n{number}", "kind": "output" if number else "input", "rank": rank, "lane": lane}
        nodes.append(entry)
    drawn = [{"from": f"n{a}", "to": f"n{b}", "via": [list(point) for point in placed.routes[a, b]]} for a, b in edges]
    return {"nodes": nodes, "edges": drawn}, took


def page_html(layout: dict) -> str:
    links = "".join(f'<link rel="stylesheet" href="/css/{name}.css">' for name in SHEETS)
    return (
        f'<!doctype html><html data-theme="light"><head>{links}</head><body><div class="canvas" id="host"></div>'
        f'<script type="application/json" id="layout">{json.dumps(layout)}</script>'
        '<script type="module">import { CellDiagram } from "/js/cell-diagram.js";'
        'const text = document.getElementById("layout").textContent;'
        'new CellDiagram(document.getElementById("host"), JSON.parse(text)); document.body.dataset.ready = "";'
        "</script></body></html>"
    )


def measure(layout: dict, seconds: float, chromium: str) -> dict:
    """Milliseconds between frames while the diagram is panned, and while it is zoomed."""
    from playwright.sync_api import sync_playwright

    def serve(route):
        path = route.request.url.split("/", 3)[3]
        if not path:
            return route.fulfill(body=page_html(layout), content_type="text/html")
        file = ROOT / "static" / path
        return route.fulfill(body=file.read_bytes(), content_type=TYPES.get(file.suffix, "text/plain"))

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.route("http://diagram.test/**", serve)
        page.goto("http://diagram.test/")
        page.locator("body[data-ready]").wait_for()
        box = page.locator("#host").bounding_box()
        centre = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        found = {"still": frames(page, seconds, lambda: pan(page, (centre[0], 890), seconds))}
        found["pan"] = frames(page, seconds, lambda: pan(page, centre, seconds))
        found["zoom"] = frames(page, seconds, lambda: zoom(page, centre, seconds))
        browser.close()
    return found


def pan(page, centre, seconds: float) -> None:
    page.mouse.move(*centre)
    page.mouse.down()
    end, step = time.monotonic() + seconds, 0
    high = min(90, 895 - centre[1])
    while time.monotonic() < end:
        step += 1
        page.mouse.move(centre[0] + 160 * math.sin(step / 15), centre[1] + high * math.cos(step / 11))
    page.mouse.up()


def zoom(page, centre, seconds: float) -> None:
    page.mouse.move(*centre)
    page.keyboard.down("Control")
    end, step = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        step += 1
        page.mouse.wheel(0, 40 if step // 12 % 2 else -40)
    page.keyboard.up("Control")


def frames(page, seconds: float, act) -> dict:
    page.evaluate(RECORD)
    act()
    times = page.evaluate("() => { cancelAnimationFrame(window.going); return window.times; }")
    gaps = sorted(b - a for a, b in zip(times, times[1:], strict=False))
    return {
        "frames": len(gaps),
        "per_second": round(1000 / statistics.mean(gaps), 1),
        "median_ms": round(statistics.median(gaps), 2),
        "p95_ms": round(gaps[int(0.95 * len(gaps))], 2),
        "slowest_ms": round(gaps[-1], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to pan, and to zoom")
    parser.add_argument("--seed", type=int, default=1, help="of the graph")
    parser.add_argument("--chromium", default=os.environ.get("CHROMIUM", "/usr/bin/chromium"))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    layout, took = stage(asked.seed)
    found = {
        "layout_ms": round(took, 1),
        "edges": len(layout["edges"]),
        **measure(layout, asked.seconds, asked.chromium),
    }
    if asked.json:
        print(json.dumps(found))
        return
    print(f"stage of {NODES} nodes, {found['edges']} edges; layout {found['layout_ms']} ms")
    for name in ("still", "pan", "zoom"):
        print(f"{name}: {found[name]['per_second']} frames/s, " + ", ".join(f"{k} {v}" for k, v in found[name].items()))


if __name__ == "__main__":
    main()
