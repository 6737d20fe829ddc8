"""The README's screenshots, from real data: what script/screenshots runs.

Everything shown was searched and trained by this script on scikit-learn's digits; --data keeps the folder for the next time.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1440, "height": 900}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("var/screenshots"))
    options = parser.parse_args()
    product = Product(options.data.resolve())
    product.start()
    try:
        pages = product.fill()
        take(product, pages)
    finally:
        product.stop()
    return 0


class Product:
    """A running Nasturtium over a data folder of its own."""

    def __init__(self, data: Path):
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {"NASTURTIUM_DATA": str(data), "PORT": str(self.port)}
        self.environment["DJANGO_SETTINGS_MODULE"] = "webapp.settings"

    def start(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        log = (self.data / "screenshots.log").open("wb")
        command = [sys.executable, "-m", "webapp.serving"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        for _ in range(600):
            if re.search(r"/login/\S+", (self.data / "screenshots.log").read_text(errors="replace")):
                break
            time.sleep(0.2)
        while "ready" not in self.manage("datasets", "list"):
            time.sleep(1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def manage(self, *words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, text=True, capture_output=True, check=True
        ).stdout

    def fill(self) -> dict[str, str]:
        """Run what the pictures show, unless an earlier run has; returns file name -> page."""
        kept = self.data / "pages.json"
        if kept.exists():
            return json.loads(kept.read_text())
        random = json.loads(self.manage("search", "laptop-demo", "--wait", "--json"))
        evolution = ["--set", "name=Digits, evolved", "--set", "strategy=regularized_evolution"]
        evolution += ["--set", 'strategy_config={"population": 12, "sample": 4}', "--set", "budget.trials=48"]
        evolved = json.loads(self.manage("search", "laptop-demo", *evolution, "--wait", "--json"))
        shared = json.loads(self.manage("search", "gdas-digits", "--wait", "--json"))
        best = evolved["best"]["key"]
        trained = json.loads(
            self.manage("train", best, "--dataset", "digits", "--protocol", "quick", "--wait", "--json")
        )
        pages = {
            "search": f"/searches/{evolved['search']}/",
            "cell": f"/cells/{best}/",
            "leaderboard": "/leaderboard/",
            "supernet": f"/searches/{shared['search']}/",
            "compare": f"/compare/?search={random['search']}&search={evolved['search']}",
            "training": f"/trainings/{trained['training']}/",
        }
        kept.write_text(json.dumps(pages))
        return pages


def take(product: Product, pages: dict[str, str]) -> None:
    from playwright.sync_api import sync_playwright

    link = product.manage("owner", "--url", product.url).strip().splitlines()[-1]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox", "--disable-background-networking"]
        )
        context = browser.new_context(viewport=SIZE)
        page = context.new_page()
        page.goto(link)
        for theme in ("light", "dark"):
            context.add_cookies([{"name": "theme", "value": theme, "url": product.url}])
            for name, path in pages.items():
                page.goto(product.url + path)
                page.wait_for_load_state("networkidle")
                for plot in page.locator("[data-figure]:visible").all():
                    plot.scroll_into_view_if_needed()
                page.evaluate("window.scrollTo(0, 0)")
                page.wait_for_timeout(800)
                page.screenshot(path=IMAGES / f"{name}-{theme}.png")
                print(IMAGES / f"{name}-{theme}.png")
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
