"""Does weight sharing find cells that are better than random ones? On digits, from the search to the retrained cell.

    python -m benchmarks.supernet_quality                    all that is missing, then the comparison
    python -m benchmarks.supernet_quality --minutes 4        as much as fits, to go on with the same command
    python -m benchmarks.supernet_quality --method darts     one method

For each seed a search with the preset darts-digits or enas-digits derives its cell; that cell and the same 10 random cells
of its space are then trained by themselves, from fresh weights, under one protocol and with the same seed. What is compared
is their accuracy on valid. A search did see these images, for its alphas, its rewards or its shared weights; the retrained
weights did not.
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
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from nas_engine import catalog
from nas_engine.architecture import Architecture
from nas_engine.config import as_dict, read
from nas_engine.datasets import prepare, read_info
from nas_engine.evaluators.standalone import StandaloneEvaluator
from nas_engine.evaluators.supernet.config import SPACE_OF
from nas_engine.evaluators.supernet.presets import preset, read_supernet
from nas_engine.evaluators.supernet.search import SupernetSearch
from nas_engine.protocol import DataConfig, Protocol, SkeletonConfig, TrainingConfig
from nas_engine.training.devices import describe_device

RESULTS = Path(__file__).parent / "results" / "supernet_quality.json"
PRESETS = {"darts": "darts-digits", "enas": "enas-digits"}
SEEDS = (0, 1, 2)
RANDOM_CELLS = 10
LAYERS, FILTERS = 3, 8  # as many as the presets search with
DATA = DataConfig(dataset="digits", valid_fraction=0.2)
TRAINING = TrainingConfig(epochs=12, batch_size=64, learning_rate=0.1, crop=1, flip=False, precision="float32")


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
                yield f"{method}/random/{seed}/{number}", partial(self._train, method, architecture, seed)
        for seed in SEEDS:
            name = f"{method}/derived/{seed}/search"
            yield name, partial(self._search, method, seed)
            if name in self.pieces:
                architecture = Architecture.from_json(self.pieces[name]["architecture"])
                yield f"{method}/derived/{seed}/training", partial(self._train, method, architecture, seed)

    def _piece(self, name: str, make) -> bool:
        if name not in self.pieces:
            if time.monotonic() > self.ends:
                return False
            started = time.process_time()
            piece = make()
            self.pieces[name] = {**piece, "seconds": round(time.process_time() - started, 1)}
            print(
                name, {key: value for key, value in self.pieces[name].items() if key != "architecture"}, file=sys.stderr
            )
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
        best = search.derive(1, lambda progress: None, lambda: False)[0]
        return {
            "architecture": best.architecture.as_json(),
            "supernet_score": best.supernet_score,
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
        dialect = preset(PRESETS[method]).data["skeleton"]["dialect"]
        skeleton = SkeletonConfig(layers=LAYERS, filters=FILTERS, dialect=dialect)
        return Protocol(DATA, read_info(self.folder).fingerprint, skeleton, replace(TRAINING, seed=seed))

    def summary(self) -> list[dict]:
        """Per method and seed: the derived cell against the random ones; then over the seeds."""
        rows = []
        for method in PRESETS:
            pairs = []
            for seed in SEEDS:
                names = [f"{method}/random/{seed}/{number}" for number in range(RANDOM_CELLS)]
                if f"{method}/derived/{seed}/training" not in self.pieces or any(
                    name not in self.pieces for name in names
                ):
                    continue
                derived = self.pieces[f"{method}/derived/{seed}/training"]["valid_accuracy"]
                others = [self.pieces[name]["valid_accuracy"] for name in names]
                pairs.append((derived, statistics.mean(others)))
                rows.append(
                    {"method": method, "seed": seed, "derived": derived, "random_mean": round(statistics.mean(others), 4),
                     "random_std": round(statistics.stdev(others), 4), "random_best": max(others),
                     "better_than": sum(one < derived for one in others)}
                )  # fmt: skip
            if pairs:
                ours, theirs = (statistics.mean(column) for column in zip(*pairs, strict=True))
                rows.append({"method": method, "seeds": len(pairs), "derived_mean": round(ours, 4),
                             "random_mean": round(theirs, 4), "beats_random_mean": ours > theirs})  # fmt: skip
        return rows

    def store(self) -> None:
        about = {
            "command": "python -m benchmarks.supernet_quality",
            "device": describe_device("cpu"),
            "cores": os.cpu_count(),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "presets": {method: preset(name).data for method, name in PRESETS.items()},
            "retraining": {"data": as_dict(DATA), "training": as_dict(TRAINING), "layers": LAYERS, "filters": FILTERS},
        }
        self.results.parent.mkdir(exist_ok=True)
        document = {**about, "summary": self.summary(), "pieces": self.pieces}
        temporary = self.results.with_suffix(".part")
        temporary.write_text(json.dumps(document, indent=1) + "\n")
        temporary.replace(self.results)


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
