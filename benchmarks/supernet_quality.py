"""Does weight sharing find cells that are better than random ones? On digits, from the search to the retrained cell.

    python -m benchmarks.supernet_quality                    all that is missing, then the comparison
    python -m benchmarks.supernet_quality --minutes 4        as much as fits, to go on with the same command
    python -m benchmarks.supernet_quality --method gdas      one method

For each seed a search with the preset darts-digits, gdas-digits or enas-digits derives its cells, as many as the product
trains by itself after such a search; those and the same 10 random cells of the space are then trained from fresh weights,
under the preset's own protocol and with the same seed. What is compared is their accuracy on valid: of all derived cells,
and of the one the search puts first. A search did see these images, for its alphas or its rewards; the retrained weights
did not.
Pieces are kept in benchmarks/results/supernet_quality.json as they are done. Seconds are the process's own time.
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

from nas_engine import catalog
from nas_engine.architecture import Architecture
from nas_engine.config import read
from nas_engine.datasets import prepare, read_info
from nas_engine.evaluators.standalone import StandaloneEvaluator
from nas_engine.evaluators.supernet.config import SPACE_OF
from nas_engine.evaluators.supernet.presets import preset, read_supernet
from nas_engine.evaluators.supernet.search import SupernetSearch
from nas_engine.protocol import DataConfig, Protocol, SkeletonConfig, TrainingConfig
from nas_engine.search_presets import DERIVED
from nas_engine.training.devices import describe_device

RESULTS = Path(__file__).parent / "results" / "supernet_quality.json"
PRESETS = {"darts": "darts-digits", "gdas": "gdas-digits", "enas": "enas-digits"}
SEEDS = (0, 1, 2)
RANDOM_CELLS = 10


class Study:
    """``pieces`` maps the name of what was done to its result."""

    def __init__(self, folder: Path, minutes: float, results: Path):
        self.folder, self.results = folder, results
        self.ends = time.monotonic() + 60 * minutes if minutes else float("inf")
        self.pieces = json.loads(results.read_text())["pieces"] if results.exists() else {}
        prepare("digits", "Digits", {"kind": "digits"}, folder, folder, lambda fraction, text: None)

    def run(self, method: str, part: str) -> bool:
        """Do what is missing for one method, or its "random" or "derived" part; False if time ran out."""
        return all(
            self._piece(name, make) for name, make in self._wanted(method) if part in ("all", name.split("/")[1])
        )

    def _wanted(self, method: str) -> Iterator[tuple[str, Callable[[], dict]]]:
        """Names and makers of all pieces, made one after another: a derived cell is there once it was searched for."""
        space = self._space(method)
        for seed in SEEDS:
            for number in range(RANDOM_CELLS):
                architecture = space.sample(random.Random(f"supernet quality/{number}"))
                yield f"{space.name}/random/{seed}/{number}", partial(self._train, method, architecture, seed)
        for seed in SEEDS:
            name = f"{method}/derived/{seed}"
            yield f"{name}/search", partial(self._search, method, seed)
            for number, one in enumerate(self.pieces.get(f"{name}/search", {}).get("derived", ())):
                architecture = Architecture.from_json(one["architecture"])
                yield f"{name}/{number}", partial(self._train, method, architecture, seed)

    def _piece(self, name: str, make) -> bool:
        if name not in self.pieces:
            if time.monotonic() > self.ends:
                return False
            started = time.process_time()
            piece = make()
            self.pieces[name] = {**piece, "seconds": round(time.process_time() - started, 1)}
            print(name, {key: value for key, value in self.pieces[name].items() if key != "derived"}, file=sys.stderr)
            self.store()
        return True

    def _space(self, method: str):
        config = read_supernet(preset(PRESETS[method]).data["supernet"])
        entry = catalog.SPACES[SPACE_OF[config.method]]
        return entry.build(read(entry.config_class(), {"nodes": config.nodes}))

    def _search(self, method: str, seed: int) -> dict:
        data = preset(PRESETS[method]).data
        config = read_supernet(data["supernet"])
        skeleton = read(SkeletonConfig, data["skeleton"])
        search = SupernetSearch(config, skeleton, read(DataConfig, data["data"]), self.folder, "cpu", seed)
        started = time.perf_counter()
        while not search.finished:
            record = search.run_epoch(lambda progress: None, lambda: False)
        derived = search.derive(DERIVED, lambda progress: None, lambda: False)
        return {
            "derived": [
                {"architecture": one.architecture.as_json(), "supernet_score": one.supernet_score} for one in derived
            ],
            "train_accuracy": record.train_accuracy,
            "valid_accuracy": record.valid_accuracy,
            "skips": record.skips,
            "wall_seconds": round(time.perf_counter() - started, 1),
        }

    def _train(self, method: str, architecture: Architecture, seed: int) -> dict:
        protocol = self.protocol(method, seed)
        evaluator = StandaloneEvaluator(protocol, self.folder, "cpu")
        cells = self._space(method).cells(architecture)
        evaluation = evaluator.evaluate(cells, lambda epoch: None, lambda: False).evaluation
        return {"valid_accuracy": evaluation.valid_accuracy, "params": evaluation.params, "macs": evaluation.macs}

    def protocol(self, method: str, seed: int) -> Protocol:
        data = preset(PRESETS[method]).data
        training = read(TrainingConfig, {**data["training"], "seed": seed})
        skeleton, images = read(SkeletonConfig, data["skeleton"]), read(DataConfig, data["data"])
        return Protocol(images, read_info(self.folder).fingerprint, skeleton, training)

    def summary(self) -> list[dict]:
        """Per method and seed: the derived cells against the random ones; then over the seeds."""
        rows = []
        for method in PRESETS:
            seeds = [row for row in map(partial(self._row, method), SEEDS) if row]
            if seeds:
                means = {
                    name: statistics.mean(row[name] for row in seeds)
                    for name in ("first", "derived_mean", "random_mean")
                }
                beats = {
                    "first_beats": means["first"] > means["random_mean"],
                    "all_beat": means["derived_mean"] > means["random_mean"],
                }
                rows += [*seeds, {"method": method, "seeds": len(seeds), **_rounded(means), **beats}]
        return rows

    def _row(self, method: str, seed: int) -> dict | None:
        """What there is of one method and seed, or None while a piece is missing."""
        search = self.pieces.get(f"{method}/derived/{seed}/search", {})
        derived = [f"{method}/derived/{seed}/{number}" for number in range(len(search.get("derived", ())))]
        others = [f"{self._space(method).name}/random/{seed}/{number}" for number in range(RANDOM_CELLS)]
        if not derived or any(name not in self.pieces for name in (*derived, *others)):
            return None
        ours, theirs = ([self.pieces[name]["valid_accuracy"] for name in names] for names in (derived, others))
        numbers = {
            "first": ours[0], "derived_mean": statistics.mean(ours), "derived_best": max(ours),
            "random_mean": statistics.mean(theirs), "random_std": statistics.stdev(theirs), "random_best": max(theirs),
        }  # fmt: skip
        return {
            "method": method,
            "seed": seed,
            **_rounded(numbers),
            "first_better_than": sum(one < ours[0] for one in theirs),
        }

    def store(self) -> None:
        about = {
            "command": "python -m benchmarks.supernet_quality",
            "device": describe_device("cpu"),
            "cores": os.cpu_count(),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "presets": {method: preset(name).data for method, name in PRESETS.items()},
        }
        self.results.parent.mkdir(exist_ok=True)
        document = {**about, "summary": self.summary(), "pieces": self.pieces}
        temporary = self.results.with_suffix(".part")
        temporary.write_text(json.dumps(document, indent=1) + "\n")
        temporary.replace(self.results)


def _rounded(numbers: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in numbers.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=PRESETS, action="append", help="default: both")
    parser.add_argument("--part", choices=("all", "random", "derived"), default="all")
    parser.add_argument("--minutes", type=float, default=0, help="begin nothing new after so long; 0: finish")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "digits", arguments.minutes, arguments.results)
        done = all(study.run(method, arguments.part) for method in arguments.method or PRESETS)
        study.store()
    print(json.dumps(study.summary(), indent=1))
    if not done:
        print("Not finished: run the same command again to go on.", file=sys.stderr)


if __name__ == "__main__":
    main()
