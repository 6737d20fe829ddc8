"""What successive halving saves: random search on NAS-Bench-101's four trainings per cell, replayed.

    python -m benchmarks.successive_halving --table nasbench101_sample.npz

The table holds the valid accuracy of each cell after trainings of 4, 12, 36 and 108 epochs, which are the rungs of r = 4,
eta = 3. Each of these trainings has a whole schedule of its own, while a child that is stopped at a rung has seen the
beginning of a long one; so early ranks are better here than a single curve gives them, and this is the friendly case.

Searches draw cells at random, one worker, until their epochs are spent. "random": each is trained for 108 epochs.
"stopping": those that are not in the top 1/eta at a rung end there, as the product does it. "promotion": algorithm 2 of Li
et al. (2020), where children pause at a rung and the best paused ones are promoted. What is shown is the best valid
accuracy after 108 epochs found so far.
"""

import argparse
import json
import statistics
from pathlib import Path

import numpy

from nas_engine.successive_halving import decide, places

EPOCHS = (4, 12, 36, 108)
WAYS = {
    "random": ("random", 0, 0),
    "stopping, r 4, eta 3": ("stopping", 3, 0),
    "stopping, r 12, eta 3": ("stopping", 3, 1),
    "stopping, r 36, eta 3": ("stopping", 3, 2),
    "stopping, r 4, eta 9": ("stopping", 9, 0),
    "promotion, r 4, eta 3": ("promotion", 3, 0),
}


class Run:
    """One search over rows in random order; ``best`` is a list of (epochs spent, best so far)."""

    def __init__(self, accuracies: numpy.ndarray, order: numpy.ndarray, budget: int):
        self.accuracies, self.order, self.budget = accuracies, iter(order.tolist()), budget
        self.spent, self.started, self.whole = 0, 0, 0
        self.best: list[tuple[int, float]] = []

    def train(self, row: int, since: int, until: int) -> float:
        """Train a cell on from one of EPOCHS (-1: from the start) to another; returns its accuracy there."""
        self.spent += EPOCHS[until] - (EPOCHS[since] if since >= 0 else 0)
        self.started += since < 0
        accuracy = float(self.accuracies[row, until])
        if until == len(EPOCHS) - 1 and self.spent <= self.budget:
            self.whole += 1
            self.best.append((self.spent, max(accuracy, self.best[-1][1] if self.best else 0.0)))
        return accuracy

    def at(self, spent: int) -> float:
        """The best found by then."""
        return max((accuracy for at, accuracy in self.best if at <= spent), default=0.0)


def random_search(run: Run) -> None:
    while run.spent < run.budget:
        run.train(next(run.order), -1, len(EPOCHS) - 1)


def stopping(run: Run, levels: list[int], reduction: int) -> None:
    recorded: dict[int, list[float]] = {level: [] for level in levels}
    while run.spent < run.budget:
        row, since = next(run.order), -1
        for level in levels:
            accuracy = run.train(row, since, level)
            since = level
            decision = decide(accuracy, recorded[level], reduction)
            recorded[level].append(accuracy)
            if not decision.goes_on:
                break
        else:
            run.train(row, since, len(EPOCHS) - 1)


def promotion(run: Run, levels: list[int], reduction: int) -> None:
    recorded: dict[int, list[tuple[float, int]]] = {level: [] for level in levels}
    promoted: dict[int, set[int]] = {level: set() for level in levels}
    while run.spent < run.budget:
        job = _promotable(levels, recorded, promoted, reduction)
        if job is None:
            row, at, until = next(run.order), -1, levels[0]
        else:
            row, at = job
            promoted[at].add(row)
            until = levels[levels.index(at) + 1] if at != levels[-1] else len(EPOCHS) - 1
        accuracy = run.train(row, at, until)
        if until in recorded:
            recorded[until].append((accuracy, row))


def _promotable(levels: list[int], recorded: dict, promoted: dict, reduction: int) -> tuple[int, int] | None:
    for level in reversed(levels):
        top = len(recorded[level]) // reduction
        best = sorted(recorded[level], reverse=True)[: places(len(recorded[level]), reduction) if top else 0]
        for _, row in best:
            if row not in promoted[level]:
                return row, level
    return None


def levels_of(reduction: int, skipped: int) -> list[int]:
    """Places in EPOCHS of the rungs; a reduction of 9 takes every other."""
    return list(range(skipped, len(EPOCHS) - 1, 1 if reduction == 3 else 2))


def measure(accuracies: numpy.ndarray, seeds: int, wholes: list[int]) -> dict:
    budget = max(wholes) * EPOCHS[-1]
    found: dict[str, list[Run]] = {name: [] for name in WAYS}
    for seed in range(seeds):
        order = numpy.random.default_rng(seed).permutation(len(accuracies))
        for name, (way, reduction, skipped) in WAYS.items():
            run = Run(accuracies, order, budget)
            if way == "random":
                random_search(run)
            else:
                {"stopping": stopping, "promotion": promotion}[way](run, levels_of(reduction, skipped), reduction)
            found[name].append(run)
    return {name: _summary(runs, wholes) for name, runs in found.items()}


def _summary(runs: list[Run], wholes: list[int]) -> dict:
    best = {}
    for whole in wholes:
        reached = [100 * run.at(whole * EPOCHS[-1]) for run in runs]
        best[str(whole)] = {"mean": round(statistics.fmean(reached), 3), "sd": round(statistics.stdev(reached), 3)}
    return {
        "best_valid_percent_after_epochs_of_so_many_whole_trainings": best,
        "cells_started": round(statistics.fmean(run.started for run in runs), 1),
        "trained_to_the_end": round(statistics.fmean(run.whole for run in runs), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", required=True, type=Path)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--trainings", type=int, nargs="+", default=[10, 30, 100], help="budgets, in whole trainings")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with numpy.load(given.table, allow_pickle=False) as table:
        accuracies = table["val_acc"].astype(float)
    report = {
        "seeds": given.seeds,
        "cells": len(accuracies),
        "best_of_table_percent": round(100 * float(accuracies[:, -1].max()), 3),
        "ways": measure(accuracies, given.seeds, given.trainings),
    }
    text = json.dumps(report, indent=1)
    print(text)
    if given.out:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
