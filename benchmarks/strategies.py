"""What the strategies themselves cost: seconds a proposal, and whether time and memory stay flat over many trials.

    python -m benchmarks.strategies                          # asking, with 1,000 results told
    python -m benchmarks.strategies --trials 20000 ppo       # a long search

    python -m benchmarks.strategies --space nas ppo          # 20 layers, each with an anchor point: 270 decisions

Over the NASNet space (5 blocks, 13 operations, 50 decisions) or that of NAS (2016), with a made-up reward, in one thread;
each strategy in a process of its own. Times are CPU time, which others on the machine lengthen only by what they take of its
caches. Printed for every strategy: median and 95th percentile of one ``ask``; median and mean of one ``tell`` (an update of
a controller falls on every n-th); the medians of a trial's time in the second and in the last tenth (the first warms up) and
their ratio; memory, and its growth in the second half; the size of its checkpoint. ``--json FILE`` writes the same, with the
mean of every tenth and the checkpoint after each.
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
from nas_engine.search_spaces.base import SearchSpace
from nas_engine.search_spaces.nas import NASConfig, NASSpace
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from nas_engine.trial import Evaluation

SKIPPED = ("grid",)  # it proposes what comes next
SPACES = {"nasnet": lambda: NASNetSpace(NASNetConfig()), "nas": lambda: NASSpace(NASConfig(layers=20))}


def measure(name: str, of: str, trials: int) -> dict:
    """One search of made-up rewards."""
    import torch

    from nas_engine.strategies.checkpoint import pack_state

    torch.set_num_threads(1)
    space: SearchSpace = SPACES[of]()
    entry = catalog.STRATEGIES[name]
    strategy = entry.build(space, read(entry.config_class(), {}), 0)
    effects = random.Random("effects")
    worth = [[effects.gauss(0, 0.002) for _ in choice.options] for choice in space.choices]
    asks, tells, memory, stored = [], [], [], []
    tenth = max(1, trials // 10)
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
        if (number + 1) % tenth == 0:
            memory.append(_resident())
            stored.append(len(pack_state(strategy.state_dict())))
    both = [ask + tell for ask, tell in zip(asks, tells, strict=True)]
    tenths = [1e3 * statistics.fmean(both[start : start + tenth]) for start in range(0, trials - tenth + 1, tenth)]
    early, late = (1e3 * statistics.median(both[start : start + tenth]) for start in (tenth, trials - tenth))
    return {
        "strategy": name,
        "trials": trials,
        "ask_ms": _spread(asks[-tenth:]),
        "tell_ms": _spread(tells[-tenth:]),
        "ask_ms_least": 1e3 * min(asks),
        "trial_ms_second_tenth": early,
        "trial_ms_last_tenth": late,
        "late_to_early": late / early,
        "trial_ms_mean_by_tenth": tenths,
        "memory_mb": memory[-1],
        "memory_growth_mb_second_half": memory[-1] - memory[len(memory) // 2 - 1],
        "checkpoint_bytes_by_tenth": stored,
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


def _processor() -> str:
    """The processor as the system names it."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("strategies", nargs="*", metavar="STRATEGY")
    parser.add_argument("--trials", type=int, default=1000, help="at least 20")
    parser.add_argument("--space", choices=SPACES, default="nasnet")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if options.trials < 20:
        parser.error("--trials must be at least 20: tenths of the search are compared")
    names = options.strategies or [name for name in catalog.STRATEGIES if name not in SKIPPED]
    heads = ("ask ms", "p95", "tell ms", "mean", "2nd tenth", "last tenth", "ratio", "MB", "grew", "stored kB")
    print(f"{'strategy':24}" + "".join(f"{head:>11}" for head in heads))
    rows = []
    for name in names:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            row = pool.apply(measure, (name, options.space, options.trials))
        rows.append(row)
        ask, tell = row["ask_ms"], row["tell_ms"]
        shown = (
            *(ask["median"], ask["p95"], tell["median"], tell["mean"], row["trial_ms_second_tenth"]),
            *(row["trial_ms_last_tenth"], row["late_to_early"], row["memory_mb"], row["memory_growth_mb_second_half"]),
            row["checkpoint_bytes_by_tenth"][-1] / 1e3,
        )
        print(f"{name:24}" + "".join(f"{value:>11.2f}" for value in shown), flush=True)
    if options.json:
        given = (f"--trials {options.trials}", f"--space {options.space}", *options.strategies)
        command = " ".join(["python -m benchmarks.strategies", *given])
        about = {"command": command, "machine": _processor(), "threads": 1}
        with open(options.json, "w") as file:
            json.dump(about | {"rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
