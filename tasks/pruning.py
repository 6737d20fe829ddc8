"""Ending the training of children that have fallen behind: see :mod:`nas_engine.early_stopping`."""

from nas_engine.early_stopping import Verdict, by_extrapolation, by_median
from nas_engine.search_config import SearchConfig
from tasks.wording import percent
from webapp.models import Trial

LATEST = 100  # finished curves of the search that a child is judged by


class Pruned(Exception):
    """Raised inside a child's training when it is not worth going on."""

    def __init__(self, verdict: Verdict, reason: str):
        self.verdict, self.reason = verdict, reason
        super().__init__(reason)


class Watch:
    """Judges one child after each epoch, by the rule of its search."""

    def __init__(self, trial: Trial, config: SearchConfig):
        self.trial, self.settings = trial, config.evaluator_config
        self.rule = self.settings.get("early_stopping", "none")

    def check(self, curve: list[dict], epochs: int) -> None:
        """Raises Pruned. ``curve`` as it is stored, an entry an epoch."""
        if self.rule == "none" or not self.settings["grace"] <= len(curve) < epochs:
            return
        finished, mine = self._finished(epochs), [entry["valid_accuracy"] for entry in curve]
        if self.rule == "median":
            verdict = by_median(mine, finished)
        else:
            verdict = by_extrapolation(mine, finished, self.settings["least_chance"])
        if verdict is not None and verdict.stop:
            raise Pruned(verdict, _reason(verdict, len(curve), epochs))

    def _finished(self, epochs: int) -> list[list[float]]:
        rows = Trial.objects.filter(search_id=self.trial.search_id, state=Trial.State.FINISHED).order_by("-number")
        curves = rows.values_list("curve", flat=True)[:LATEST]
        return [[entry["valid_accuracy"] for entry in curve] for curve in curves if len(curve) == epochs]


def _reason(verdict: Verdict, epoch: int, epochs: int) -> str:
    return (
        f"after epoch {epoch} of {epochs}: {percent(max(verdict.expected, 0.0))} expected at the end, "
        f"the best with a chance of {percent(verdict.chance)}"
    )
