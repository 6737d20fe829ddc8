"""Repeated searches on a published table: which strategy finds the best architecture for the same simulated budget?"""

import math
import statistics
from dataclasses import dataclass

from nas_engine import catalog
from nas_engine.config import read
from nas_engine.errors import ConfigError, SearchCancelled
from nas_engine.evaluators.tabular import TabularEvaluator
from nas_engine.search import run_search
from nas_engine.significance import holm, paired_test
from nas_engine.trial import Evaluation, Trial

# Settings for searches of about a hundred evaluations, the size published comparisons have; the strategies' own defaults
# are those of papers that train thousands of children. Evolution's are those of White et al. (2021); the controllers' were
# chosen on NAS-Bench-201 (docs/methods.md).
SMALL_BUDGET = {
    "regularized_evolution": {"population": 30, "sample": 10, "identity": 0.0},
    "nsga2": {"population": 20},
    "reinforce": {"layers": 1, "hidden": 64, "learning_rate": 0.01, "batch": 5, "baseline_decay": 0.9},
    "ppo": {"hidden": 64, "learning_rate": 0.005, "batch": 10, "inner_epochs": 5, "baseline_decay": 0.9},
}
# A search that is given no seconds and no trials, or a table without times, must end somewhere.
LARGEST_TRIALS = 100_000


@dataclass(frozen=True)
class Budget:
    """A search ends before the trial that would exceed ``seconds`` of simulated training, or after so many ``trials``.

    0 means no limit; one of the two must be given.
    """

    seconds: float = 0.0
    trials: int = 0

    def __post_init__(self):
        if self.seconds <= 0 and self.trials <= 0:
            raise ConfigError("Give a budget: seconds of simulated training, or trials, above 0.", "budget_seconds")


@dataclass(frozen=True)
class Result:
    """How one search ended: ``final`` is the judged accuracy of the architecture with the best ``valid`` accuracy."""

    seed: int
    final: float
    valid: float
    trials: int
    seconds: float
    row: int


def settings_for(strategy: str, changes: dict | None = None) -> dict:
    """The settings a strategy is compared with: its defaults, SMALL_BUDGET over them, ``changes`` over both.

    Raises ConfigError for an unknown strategy or setting.
    """
    config_class = catalog.entry(catalog.STRATEGIES, strategy, "strategies").config_class()
    merged = {**SMALL_BUDGET.get(strategy, {}), **(changes or {})}
    read(config_class, merged, strategy)
    return merged


def search_table(evaluator: TabularEvaluator, strategy: str, settings: dict, seed: int, budget: Budget) -> Result:
    """One search. Every proposal is charged, also one made before, as in the published protocol of NAS-Bench-201."""
    if budget.seconds > 0 and evaluator.columns.seconds is None:
        raise ConfigError("This table holds no training times; give --trials instead.", "budget_seconds")
    entry = catalog.STRATEGIES[strategy]
    built = entry.build(evaluator.space, read(entry.config_class(), settings), seed)
    spent = 0.0

    def evaluate(architecture) -> Evaluation:
        nonlocal spent
        evaluation = evaluator.evaluate(architecture)
        if budget.seconds > 0 and spent + evaluation.seconds > budget.seconds:
            raise SearchCancelled
        spent += evaluation.seconds
        return evaluation

    trials = run_search(built, evaluate, budget.trials or LARGEST_TRIALS, reuse=False)
    return _result(evaluator, trials, seed, spent)


def _result(evaluator: TabularEvaluator, trials: list[Trial], seed: int, spent: float) -> Result:
    finished = [trial for trial in trials if trial.reward is not None]
    if not finished:
        raise ConfigError("The budget is smaller than the first evaluation; give more seconds.", "budget_seconds")
    best = max(finished, key=lambda trial: trial.reward)
    row, final = evaluator.space.row(best.architecture), evaluator.final(best.architecture)
    if math.isnan(final):
        raise ConfigError(
            f"The table does not hold the final accuracy of row {row}, which a search found best.", "table"
        )
    return Result(seed, final, best.reward, len(trials), spent, row)


def summary(strategy: str, results: list[Result]) -> dict:
    """Mean and spread over seeds, accuracies in per cent. ``test_ci95`` is the half-width of the mean's 95% interval (normal
    approximation); ``test_std`` is the standard deviation over seeds."""
    finals = [100 * result.final for result in results]
    spread = statistics.stdev(finals) if len(finals) > 1 else 0.0
    error = spread / math.sqrt(len(finals))
    return {
        "strategy": strategy,
        "label": catalog.STRATEGIES[strategy].label,
        "seeds": len(results),
        "test_mean": statistics.fmean(finals),
        "test_std": spread,
        "test_standard_error": error,
        "test_ci95": 1.96 * error,
        "test_median": statistics.median(finals),
        "test_min": min(finals),
        "test_max": max(finals),
        "valid_mean": statistics.fmean(100 * result.valid for result in results),
        "trials_mean": statistics.fmean(result.trials for result in results),
        "seconds_mean": statistics.fmean(result.seconds for result in results),
    }


def differences(results: dict[str, list[Result]]) -> list[dict]:
    """Every two strategies, the better first: mean difference in points with the half-width of its 95% interval, and p of
    the paired permutation test, by itself and corrected for the number of pairs (Holm). Pairs share a seed."""
    names = sorted(results, key=lambda name: -statistics.fmean(result.final for result in results[name]))
    pairs = [(better, worse) for at, better in enumerate(names) for worse in names[at + 1 :]]
    tests = [paired_test(*([100 * result.final for result in results[name]] for name in pair)) for pair in pairs]
    tested = [test for test in tests if test.p is not None]
    if len(tested) < len(pairs):  # a single seed tells nothing
        return []
    return [
        {
            "better": better,
            "worse": worse,
            "n": test.n,
            "difference": test.difference.mean,
            "difference_ci95": test.difference.half,
            "p": test.p,
            "p_holm": corrected,
        }
        for (better, worse), test, corrected in zip(pairs, tests, holm([test.p for test in tests]), strict=True)
    ]
