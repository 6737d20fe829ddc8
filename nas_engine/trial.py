"""What a search hands around: a trial and the evaluation it ends with."""

from dataclasses import dataclass, field, replace

from nas_engine.architecture import Architecture


@dataclass(frozen=True)
class Evaluation:
    """How an architecture did under one protocol.

    ``valid_accuracy`` in [0, 1]; ``params`` and ``macs`` as integers for one image; ``latency`` in seconds (median,
    batch 1); ``seconds`` spent; ``protocol`` the fingerprint of how it was obtained; ``best_accuracy`` the highest of the
    last five epochs, where they are known.
    """

    valid_accuracy: float
    params: int
    macs: int
    latency: float | None = None
    seconds: float = 0.0
    protocol: str = ""
    best_accuracy: float | None = None


@dataclass(frozen=True)
class Trial:
    """One architecture proposed and evaluated. ``info`` is the strategy's own JSON (log-probabilities, parents).

    A finished trial has a ``reward`` and an ``evaluation``; a failed one has an ``error``; a pending one has neither. One
    that breaks the limits of its search has an ``error``, too, and ``violation``: by how much, as a share of the limits.
    """

    number: int
    architecture: Architecture
    info: dict = field(default_factory=dict)
    evaluation: Evaluation | None = None
    reward: float | None = None
    error: str | None = None
    violation: float | None = None

    def finished(self, evaluation: Evaluation, reward: float) -> "Trial":
        return replace(self, evaluation=evaluation, reward=reward)

    def failed(self, error: str) -> "Trial":
        return replace(self, error=error)

    def infeasible(self, violation: float, error: str) -> "Trial":
        return replace(self, violation=violation, error=error)
