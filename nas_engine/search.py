"""The search loop in one process: ask, evaluate, tell. What the tasks spread over machines, the library runs here."""

import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from nas_engine.architecture import Architecture
from nas_engine.errors import EvaluationFailed, SearchCancelled
from nas_engine.limits import Violation
from nas_engine.strategies.base import Strategy
from nas_engine.trial import Evaluation, Trial


def accuracy(evaluation: Evaluation) -> float:
    """The plainest reward."""
    return evaluation.valid_accuracy


def run_search(
    strategy: Strategy,
    evaluate: Callable[[Architecture], Evaluation],
    trials: int,
    on_trial: Callable[[Trial, dict | None], None] | None = None,
    *,
    reward: Callable[[Evaluation], float] = accuracy,
    feasible: Callable[[Architecture], Violation | None] = lambda architecture: None,
    parallelism: int = 1,
    reuse: bool = True,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Trial]:
    """Run ``trials`` trials and return them in order, each finished or failed.

    ``evaluate`` runs in one of ``parallelism`` threads (in the caller's own if that is 1); that many trials are under way
    before the oldest is told. Tells are in the order of the trials' numbers, so the result does not depend on how long a
    child takes. With ``reuse`` an architecture whose ``space.key`` was measured, or is being measured, takes over that
    evaluation with ``seconds`` 0; a failed one is tried anew. What ``feasible`` finds to break a limit is told as
    infeasible and not evaluated; it counts among the ``trials`` here. ``on_trial(trial, update)`` is called after each
    tell with what ``tell`` returned. An EvaluationFailed, or a reward that is not a number, makes a failed trial and the
    search goes on. ``cancelled`` is asked before each new trial: once true, the trials under way are finished, told and
    returned. A SearchCancelled from ``evaluate`` ends the search at once; that trial and those behind it are dropped. Any
    other exception is raised as it is.
    """
    loop = _Loop(strategy, evaluate, reward, reuse, on_trial, feasible)
    pool = ThreadPoolExecutor(parallelism) if parallelism > 1 else None
    try:
        for number in range(trials):
            if cancelled():
                break
            loop.start(number, pool)
            if len(loop.pending) >= parallelism:
                loop.finish_oldest()
        while loop.pending:
            loop.finish_oldest()
    except SearchCancelled:
        pass
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)
    return loop.ended


@dataclass(frozen=True)
class _UnderWay:
    trial: Trial
    future: Future | None
    key: str | None
    reused: bool


class _Loop:
    def __init__(
        self,
        strategy: Strategy,
        evaluate: Callable,
        reward: Callable,
        reuse: bool,
        on_trial: Callable | None,
        feasible: Callable,
    ):
        self.strategy, self.evaluate, self.reward = strategy, evaluate, reward
        self.reuse, self.on_trial, self.feasible = reuse, on_trial, feasible
        self.pending: deque[_UnderWay] = deque()
        self.ended: list[Trial] = []
        self._known: dict[str | None, Future] = {}

    def start(self, number: int, pool: ThreadPoolExecutor | None) -> None:
        trial = self.strategy.propose(number)
        broken = self.feasible(trial.architecture)
        if broken:
            self.pending.append(_UnderWay(trial.infeasible(broken.excess, broken.reason), None, None, False))
            return
        key = self.strategy.space.key(trial.architecture) if self.reuse else None
        future = self._known.get(key)
        reused = future is not None
        if future is None:
            future = pool.submit(self.evaluate, trial.architecture) if pool else self._evaluated(trial.architecture)
            if key is not None:
                self._known[key] = future
        self.pending.append(_UnderWay(trial, future, key, reused))

    def _evaluated(self, architecture: Architecture) -> Future:
        future: Future = Future()
        try:
            future.set_result(self.evaluate(architecture))
        except (EvaluationFailed, SearchCancelled) as error:
            future.set_exception(error)
        return future

    def finish_oldest(self) -> None:
        trial = self._ended(self.pending.popleft())
        update = self.strategy.tell(trial)
        self.ended.append(trial)
        if self.on_trial:
            self.on_trial(trial, update)

    def _ended(self, under_way: _UnderWay) -> Trial:
        trial = under_way.trial
        if under_way.future is None:
            return trial
        try:
            evaluation = under_way.future.result()
            reward = self.reward(evaluation)
        except EvaluationFailed as error:
            self._known.pop(under_way.key, None)
            return trial.failed(str(error))
        if not math.isfinite(reward):
            return trial.failed(f"The reward is {reward}, not a number")
        return trial.finished(replace(evaluation, seconds=0.0) if under_way.reused else evaluation, reward)
