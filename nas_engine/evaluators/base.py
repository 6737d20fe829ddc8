"""What every evaluator offers. Torch-free."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from nas_engine.blueprint import Blueprint
from nas_engine.graph_cell import AnyCell
from nas_engine.training.progress import Cancelled, EpochReport, Report
from nas_engine.trial import Evaluation

__all__ = ["Cancelled", "EpochReport", "Evaluator", "Outcome", "Report"]


@dataclass(frozen=True)
class Outcome:
    """An evaluation with what it left: the weights (name -> tensor, on the processor), the blueprint they fit, one
    dictionary an epoch, and where the seconds went: "data", "build", "train" (reports included), "evaluate", "latency" and
    "total". ``normalisation`` is {"mean": [...], "std": [...]} with pixels in
    [0, 1]; ``device`` describes where it ran; ``latency`` adds "p95" and "runs" to the evaluation's median."""

    evaluation: Evaluation
    weights: dict[str, Any]
    blueprint: Blueprint
    curve: list[dict]
    timings: dict[str, float]
    classes: tuple[str, ...] = ()
    normalisation: dict[str, list[float]] = field(default_factory=dict)
    device: dict = field(default_factory=dict)
    latency: dict = field(default_factory=dict)


class Evaluator(ABC):
    """Measures architectures under one protocol."""

    @abstractmethod
    def evaluate(self, cells: tuple[AnyCell, ...], report: Report, cancelled: Cancelled) -> Outcome:
        """Measure the network of ``cells``. ``report`` is called once an epoch, ``cancelled`` at every batch.

        Raises EvaluationFailed where this architecture cannot be measured, SearchCancelled when ``cancelled()`` is true.
        """
