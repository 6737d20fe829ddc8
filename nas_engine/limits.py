"""Hard constraints on what a network may cost. Parameters and MACs are known before training, latency only after it."""

from dataclasses import dataclass

from nas_engine.config import setting
from nas_engine.errors import ConfigError
from nas_engine.trial import Evaluation

MILLION = 1e6


@dataclass(frozen=True)
class Violation:
    """``excess`` is by how much the limits are broken, each as a share of itself, summed; ``reason`` says it in words."""

    excess: float
    reason: str


@dataclass(frozen=True)
class LimitsConfig:
    """0: no limit. A proposal that breaks one on parameters or MACs is not trained, and is no trial of the budget."""

    max_params: float = setting(0.0, "Parameters at most", minimum=0, maximum=1e6, unit="M", help="0: no limit.")
    min_params: float = setting(0.0, "Parameters at least", minimum=0, maximum=1e6, unit="M")
    max_macs: float = setting(0.0, "MACs at most", minimum=0, maximum=1e9, unit="M", help="0: no limit.")
    min_macs: float = setting(0.0, "MACs at least", minimum=0, maximum=1e9, unit="M")
    max_latency: float = setting(
        0.0, "Latency at most", minimum=0, maximum=1e6, unit="ms", help="Measured, so it is checked after training."
    )

    def __post_init__(self):
        for name, word in (("params", "parameters"), ("macs", "MACs")):
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if high and low > high:
                raise ConfigError(f"is below the least number of {word}, {low:g} M.", f"max_{name}")

    @property
    def before_training(self) -> bool:
        """Whether there is anything to check before training."""
        return any((self.max_params, self.min_params, self.max_macs, self.min_macs))

    def broken_by(self, params: int, macs: int) -> Violation | None:
        """What can be said before training; counts are those of the whole network, for one image."""
        parts = []
        for count, name, word in ((params, "params", "parameters"), (macs, "macs", "MACs")):
            high, low = getattr(self, f"max_{name}") * MILLION, getattr(self, f"min_{name}") * MILLION
            if high and count > high:
                parts.append((count / high - 1, f"{count / MILLION:.4g} M {word}, more than {high / MILLION:g} M"))
            if low and count < low:
                parts.append((1 - count / low, f"{count / MILLION:.4g} M {word}, fewer than {low / MILLION:g} M"))
        return _all(parts)

    def broken_after(self, evaluation: Evaluation) -> Violation | None:
        """With what was measured as well. A latency that was not measured breaks nothing."""
        found = self.broken_by(evaluation.params, evaluation.macs)
        parts = [(found.excess, found.reason)] if found else []
        limit = self.max_latency / 1e3
        if limit and evaluation.latency is not None and evaluation.latency > limit:
            parts.append(
                (
                    evaluation.latency / limit - 1,
                    f"{1e3 * evaluation.latency:.4g} ms, more than {self.max_latency:g} ms",
                )
            )
        return _all(parts)


def _all(parts: list[tuple[float, str]]) -> Violation | None:
    return Violation(sum(excess for excess, _ in parts), "; ".join(reason for _, reason in parts)) if parts else None
