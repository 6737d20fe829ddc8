"""What the strategies themselves cost: seconds a proposal, and whether time and memory stay flat over many trials.

    python -m benchmarks.strategies                          # asking, with 1,000 results told
    python -m benchmarks.strategies --trials 20000 ppo       # a long search

Over the NASNet space (5 blocks, 13 operations, 50 decisions) with a made-up reward, in one thread; each strategy in a
process of its own. Times are CPU time, which others on the machine do not lengthen. Printed for every strategy: median and
95th percentile of one ``ask``; median and mean of one ``tell`` (an update of a controller falls on every n-th); the time a
trial in the first and in the last tenth; memory, and its growth in the second half. ``--json FILE`` writes the same.
"""

import argparse
import json
import multiprocessing
import platform
import random
import resource
import statistics
import time

from nas_engine import catalog
from nas_engine.config import read
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from nas_engine.trial import Evaluation

SKIPPED = ("grid",)  # it proposes what comes next


def measure(name: str, trials: int) -> dict:
    """One search of made-up rewards."""
    import torch

    torch.set_num_threads(1)
    space = NASNetSpace(NASNetConfig())
    entry = catalog.STRATEGIES[name]
    strategy = entry.build(space, read(entry.config_class(), {}), 0)
    effects = random.Random("effects")
    worth = [[effects.gauss(0, 0.002) for _ in choice.options] for choice in space.choices]
    asks, tells, memory = [], [], []
    for number in range(trials):
        started = time.process_time()
        trial = strategy.ask(number)
        asked = time.process_time()
        reward = 0.9 + sum(row[taken] for row, taken in zip(worth, trial.architecture.choices, strict=True))
        evaluation = Evaluation(reward, 10**6, sum(trial.architecture.choices) * 10**6)
        finished = time.process_time()
        strategy.tell(trial.finished(evaluation, reward))
        asks.append(asked - started)
        tells.append(time.process_time() - finished)
        if number in (trials // 2, trials - 1):
            memory.append(_resident())
    tenth = max(1, trials // 10)
    both = [ask + tell for ask, tell in zip(asks, tells, strict=True)]
    return {
        "strategy": name,
        "trials": trials,
        "ask_ms": _spread(asks[-tenth:]),
        "tell_ms": _spread(tells[-tenth:]),
        "trial_ms_first_tenth": 1e3 * statistics.fmean(both[:tenth]),
        "trial_ms_last_tenth": 1e3 * statistics.fmean(both[-tenth:]),
        "memory_mb": memory[-1],
        "memory_growth_mb_second_half": memory[-1] - memory[0],
    }


def _spread(seconds: list[float]) -> dict:
    ordered = sorted(seconds)
    return {
        "median": 1e3 * statistics.median(ordered),
        "p95": 1e3 * ordered[int(0.95 * (len(ordered) - 1))],
        "mean": 1e3 * statistics.fmean(ordered),
    }


def _resident() -> float:
    """Megabytes in use now; where the system does not say, the most there ever were."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("strategies", nargs="*", metavar="STRATEGY")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    names = options.strategies or [name for name in catalog.STRATEGIES if name not in SKIPPED]
    heads = ("ask ms", "p95", "tell ms", "mean", "first tenth", "last tenth", "MB", "grew")
    print(f"{'strategy':24}" + "".join(f"{head:>12}" for head in heads))
    rows = []
    for name in names:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            row = pool.apply(measure, (name, options.trials))
        rows.append(row)
        ask, tell = row["ask_ms"], row["tell_ms"]
        shown = (
            *(ask["median"], ask["p95"], tell["median"], tell["mean"], row["trial_ms_first_tenth"]),
            *(row["trial_ms_last_tenth"], row["memory_mb"], row["memory_growth_mb_second_half"]),
        )
        print(f"{name:24}" + "".join(f"{value:>12.2f}" for value in shown))
    if options.json:
        command = " ".join(["python -m benchmarks.strategies", f"--trials {options.trials}", *options.strategies])
        about = {"command": command, "machine": platform.machine(), "threads": 1}
        with open(options.json, "w") as file:
            json.dump(about | {"rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
