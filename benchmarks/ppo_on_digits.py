"""PPO against random search on real children: digits, equal trials, several seeds.

    .venv/bin/python -m benchmarks.ppo_on_digits --seeds 3 --trials 300 --processes 2

Every child is really trained; a cell that its search already measured is looked up, as the product does.
Writes benchmarks/results/ppo_on_digits.json (every reward) and ppo_on_digits.svg (the README's plot).
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process a core, one thread a process

from nas_engine.datasets import prepare  # noqa: E402
from nas_engine.search_config import SearchConfig, read_search  # noqa: E402

RESULTS = Path(__file__).parent / "results"
WINDOW = 30  # trials the plotted mean looks back on
BASE = {
    "space_config": {"blocks": 3},
    "data": {"dataset": "digits", "valid_fraction": 0.3},
    "skeleton": {"repeats": 1, "filters": 4},
    "training": {"epochs": 1, "batch_size": 32, "learning_rate": 0.1, "crop": 0, "flip": False},
}
STRATEGIES = {
    "ppo": {"strategy": "ppo", "strategy_config": {"learning_rate": 0.005}},
    "random": {"strategy": "random"},
}


def search(name: str, seed: int, trials: int, folder: Path, fingerprint: str) -> list[float]:
    """The rewards of one search, in the order of its trials."""
    import torch

    from nas_engine.evaluators.standalone import StandaloneEvaluator
    from nas_engine.search import run_search

    torch.set_num_threads(1)
    config: SearchConfig = read_search({**BASE, **STRATEGIES[name], "seed": seed})
    space = config.build_space()
    evaluator = StandaloneEvaluator(config.protocol(fingerprint), folder, "cpu")

    def evaluate(architecture):
        return evaluator.evaluate(space.cells(architecture), lambda report: None, lambda: False).evaluation

    def on_trial(trial, update):
        if trial.number % 50 == 49:
            print(f"{name} {seed}: {trial.number + 1} trials, {time.perf_counter() - started:.0f} s", flush=True)

    started = time.perf_counter()
    ended = run_search(config.build_strategy(space), evaluate, trials, on_trial, reward=config.reward.of)
    return [trial.reward for trial in ended]


def moving_mean(rewards: list[float]) -> list[float]:
    return [statistics.mean(rewards[max(0, end - WINDOW) : end]) for end in range(WINDOW, len(rewards) + 1)]


def summary(runs: dict[str, list[list[float]]]) -> list[dict]:
    """Mean reward of the first and the last 60 trials over the seeds, with the standard deviation between seeds."""
    rows = []
    for name, searches in runs.items():
        first, last = ([statistics.mean(part) for part in parts] for parts in _ends(searches))
        spread = [statistics.stdev(values) if len(values) > 1 else 0.0 for values in (first, last)]
        rows.append(
            {
                "strategy": name,
                "seeds": len(searches),
                "first_60": statistics.mean(first),
                "first_60_std": spread[0],
                "last_60": statistics.mean(last),
                "last_60_std": spread[1],
                "best": statistics.mean(max(rewards) for rewards in searches),
            }
        )
    return rows


def _ends(searches: list[list[float]]) -> tuple[list[list[float]], list[list[float]]]:
    return [rewards[:60] for rewards in searches], [rewards[-60:] for rewards in searches]


def plot(runs: dict[str, list[list[float]]]) -> str:
    """An SVG: the moving mean of each search's rewards, thin; the mean over seeds, thick."""
    width, height, left, top, right, bottom = 760, 300, 46, 28, 120, 36
    curves = {name: [moving_mean(rewards) for rewards in searches] for name, searches in runs.items()}
    values = [value for searches in curves.values() for curve in searches for value in curve]
    low, high = min(values) - 0.005, max(values) + 0.005
    count = WINDOW + len(next(iter(curves.values()))[0]) - 1

    def points(curve):
        return " ".join(
            f"{left + (trial + WINDOW) / count * (width - left - right):.1f},"
            f"{top + (high - value) / (high - low) * (height - top - bottom):.1f}"
            for trial, value in enumerate(curve)
        )

    parts = []
    for tick in range(int(low * 50) + 1, int(high * 50) + 1):
        y = top + (high - tick / 50) / (high - low) * (height - top - bottom)
        parts.append(f'<path d="M{left} {y:.1f}H{width - right}" stroke="#88938a" stroke-opacity=".3"/>')
        parts.append(f'<text fill="#47524a" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick * 2}</text>')
    for trial in range(0, count + 1, 50):
        x = left + trial / count * (width - left - right)
        parts.append(f'<text fill="#47524a" x="{x:.1f}" y="{height - bottom + 16}" text-anchor="middle">{trial}</text>')
    for name, colour in (("random", "#7b857c"), ("ppo", "#ea6610")):
        for curve in curves[name]:
            parts.append(f'<polyline points="{points(curve)}" stroke="{colour}" stroke-opacity=".35"/>')
        mean = [statistics.mean(at) for at in zip(*curves[name], strict=True)]
        parts.append(f'<polyline points="{points(mean)}" stroke="{colour}" stroke-width="2.5"/>')
        y = top + (high - mean[-1]) / (high - low) * (height - top - bottom)
        label = {"ppo": "PPO", "random": "random search"}[name]
        parts.append(f'<text x="{width - right + 8}" y="{y + 4:.1f}" fill="{colour}" font-weight="600">{label}</text>')
    title = f"↑ valid accuracy, %, mean of the last {WINDOW} trials; {len(curves['ppo'])} seeds, thick: their mean"
    parts.append(f'<text fill="#47524a" x="{left}" y="16">{title}</text>')
    parts.append(f'<text fill="#47524a" x="{width - right}" y="{height - 4}" text-anchor="end">trial →</text>')
    return (
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
            f'font-size="11" fill="none"><rect width="{width}" height="{height}" fill="#fff"/>'
            f'<g stroke-width="1">{"".join(parts)}</g></svg>'
        )
        .replace("<text ", '<text fill="#47524a" ', 1000)
        .replace('fill="#47524a" x="' + str(width - right + 8), 'x="' + str(width - right + 8))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as root, ProcessPoolExecutor(options.processes) as pool:
        folder = Path(root) / "digits"
        info = prepare("digits", "Digits", {"kind": "digits"}, folder, Path(root), lambda share, text: None)
        waiting = {
            (name, seed): pool.submit(search, name, seed, options.trials, folder, info.fingerprint)
            for seed in range(options.seeds)
            for name in STRATEGIES
        }
        for seeds in range(1, options.seeds + 1):  # what is done is written, should the rest be cut short
            runs = {name: [waiting[name, seed].result() for seed in range(seeds)] for name in STRATEGIES}
            write(runs, options.processes, (time.perf_counter() - started) / 60)


def write(runs: dict[str, list[list[float]]], processes: int, minutes: float) -> None:
    rows = summary(runs)
    record = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {processes} processes of one thread",
        "minutes": round(minutes, 1),
        "config": {**BASE, "strategies": STRATEGIES},
        "summary": rows,
        "rewards": runs,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ppo_on_digits.json").write_text(json.dumps(record) + "\n")
    (RESULTS / "ppo_on_digits.svg").write_text(plot(runs) + "\n")
    for row in rows:
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
