"""How the settings for searches of about a hundred evaluations were chosen: on tables they are not judged on.

    python -m benchmarks.small_budget reinforce --table nasbench_macro.npz --table nasbench101_sample.npz --seeds 40 \
        --grid '{"learning_rate": [0.005, 0.01, 0.02], "batch": [5, 10]}'

Every combination of the grid, over the settings there are (``SMALL_BUDGET``), searches every table with the same seeds. What
is printed is the mean final accuracy on each table and the combination's mean rank over tables and seeds (1 is best).
"""

import argparse
import itertools
import json
import statistics
import sys
import time

from nas_engine.comparison import Budget, search_table, settings_for
from nas_engine.evaluators.settings import TabularConfig
from nas_engine.evaluators.tabular import open_table


def combinations(grid: dict[str, list]) -> list[dict]:
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def finals(table: str, strategy: str, settings: list[dict], seeds: int, trials: int) -> list[list[float]]:
    """For every combination, the final accuracy of each seed, in per cent."""
    evaluator, budget = open_table(TabularConfig(table)), Budget(trials=trials)
    return [
        [
            100 * search_table(evaluator, strategy, settings_for(strategy, one), seed, budget).final
            for seed in range(seeds)
        ]
        for one in settings
    ]


def mean_ranks(of_tables: list[list[list[float]]]) -> list[float]:
    """Of each combination among all, over tables and seeds; ties share their rank."""
    ranks: list[list[float]] = [[] for _ in of_tables[0]]
    for runs in of_tables:
        for values in zip(*runs, strict=True):
            for place, value in enumerate(values):
                above, equal = sum(v > value for v in values), sum(v == value for v in values)
                ranks[place].append(above + (equal + 1) / 2)
    return [statistics.fmean(one) for one in ranks]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("strategy")
    parser.add_argument("--table", action="append", required=True)
    parser.add_argument("--grid", type=json.loads, required=True)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--trials", type=int, default=100)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    settings, started = combinations(options.grid), time.process_time()
    found = [finals(table, options.strategy, settings, options.seeds, options.trials) for table in options.table]
    rows = sorted(zip(mean_ranks(found), settings, *found, strict=True), key=lambda row: row[0])
    for rank, one, *runs in rows:
        print(f"{rank:6.2f}  {'  '.join(f'{statistics.fmean(run):.3f}' for run in runs)}  {json.dumps(one)}")
    print(
        f"{options.seeds} seeds, {options.trials} trials, {time.process_time() - started:.0f} s of CPU", file=sys.stderr
    )


if __name__ == "__main__":
    main()
