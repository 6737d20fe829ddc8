"""How fast a strategy learns on a made-up reward over the NASNet space that imitates accuracies.

    python benchmarks/policy_learning.py ppo --set learning_rate=0.005 --set batch=10 --set inner_epochs=3

Every option of every decision adds a small effect to 90%: about 0.2% for an operation (shared by all places, with 0.1% of
its own at each) and 0.1% for an input or a combination. Measurements carry a noise of 1%. Printed is the mean of the reward
without noise over each 50 trials, averaged over seeds (each with effects of its own), and the standard error of the last.
"""

import argparse
import dataclasses
import json
import random
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from nas_engine import catalog  # noqa: E402
from nas_engine.config import read  # noqa: E402
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace  # noqa: E402

OPERATION, OWN, NOISE = 0.002, 0.001, 0.01


def effects(space: NASNetSpace, seed: int) -> list[list[float]]:
    """What every option of every choice adds to the accuracy."""
    rng = random.Random(f"effects/{seed}")
    shared = {name: rng.gauss(0, OPERATION) for name in space.config.operations}
    return [[shared.get(option, 0.0) + rng.gauss(0, OWN) for option in choice.options] for choice in space.choices]


def learning_curve(name: str, settings: dict, seed: int, trials: int) -> list[float]:
    """The noiseless reward of every proposal, in per cent."""
    space = NASNetSpace(NASNetConfig())
    entry, table = catalog.STRATEGIES[name], effects(space, seed)
    strategy = entry.build(space, read(entry.config_class(), settings), seed)
    curve = []
    for number in range(trials):
        trial = strategy.ask(number)
        mean = 0.9 + sum(row[taken] for row, taken in zip(table, trial.architecture.choices, strict=True))
        noise = random.Random(f"noise/{seed}/{number}").gauss(0, NOISE)
        strategy.tell(dataclasses.replace(trial, reward=mean + noise))
        curve.append(100 * mean)
    return curve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("strategy", choices=tuple(catalog.STRATEGIES))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--trials", type=int, default=300)
    options = parser.parse_args()
    settings = {key: json.loads(value) for key, value in (pair.split("=", 1) for pair in options.set)}
    curves = [learning_curve(options.strategy, settings, seed, options.trials) for seed in range(options.seeds)]
    for at in range(0, options.trials, 50):
        means = [statistics.fmean(curve[at : at + 50]) for curve in curves]
        print(f"trials {at + 1:>4} to {min(at + 50, options.trials):>4}: {statistics.fmean(means):.2f}%")
    if options.seeds > 1:
        print(f"standard error of the last: {statistics.stdev(means) / options.seeds**0.5:.2f}%")


if __name__ == "__main__":
    main()
