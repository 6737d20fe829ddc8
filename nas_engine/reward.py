"""From an evaluation to the one number a strategy maximises (Tan et al. 2019, MnasNet, section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas_engine.config import setting
from nas_engine.errors import ConfigError, EvaluationFailed
from nas_engine.trial import Evaluation

COSTS = {"macs": "MACs", "params": "parameters", "latency": "latency"}


@dataclass(frozen=True)
class RewardConfig:
    """reward = accuracy ^ ``power``, times (cost / target) ^ w where a cost is steered, with w = ``below`` up to the target
    and ``above`` beyond it. The first NAS paper cubes the highest accuracy of the last five epochs (Zoph and Le 2017).
    """

    goal: str = setting(
        "accuracy",
        "Goal",
        options=("accuracy", *COSTS),
        labels=(
            "accuracy alone",
            "accuracy, with a MACs target",
            "accuracy, with a parameter target",
            "accuracy, with a latency target",
        ),
    )
    target: float = setting(
        0.0, "Target", minimum=0, help="Cost the reward steers towards: M MACs, M parameters or ms."
    )
    below: float = setting(-0.07, "Exponent below", minimum=-2, maximum=0, help="0 leaves cheap cells alone.")
    above: float = setting(-0.07, "Exponent above", minimum=-2, maximum=0, help="-1 makes the limit hard.")

    accuracy: str = setting(
        "final",
        "Accuracy",
        options=("final", "best_of_five"),
        labels=("of the final weights", "the best of the last five epochs"),
        advanced=True,
    )
    power: float = setting(
        1.0,
        "Power",
        minimum=0.1,
        maximum=10,
        advanced=True,
        help="Of the accuracy; 3 in NAS 2016. More favours the best.",
    )

    def __post_init__(self):
        if self.goal != "accuracy" and self.target <= 0:
            raise ConfigError(f"Give the {COSTS.get(self.goal, 'cost')} to steer towards: a number above 0.", "target")

    def of(self, evaluation: Evaluation) -> float:
        """The reward of an evaluation. Targets are in units of 10^6 (MACs, parameters) or milliseconds (latency)."""
        if self.goal == "latency" and evaluation.latency is None:
            raise EvaluationFailed("No latency was measured", "Choose a reward without latency, or re-measure the cell")
        accuracy = evaluation.valid_accuracy
        if self.accuracy == "best_of_five" and evaluation.best_accuracy is not None:
            accuracy = evaluation.best_accuracy
        accuracy **= self.power
        if self.goal == "accuracy":
            return accuracy
        cost = evaluation.latency * 1e3 if self.goal == "latency" else getattr(evaluation, self.goal) / 1e6
        ratio = max(cost, 1e-9) / self.target
        return accuracy * ratio ** (self.below if ratio <= 1 else self.above)


def best_of_last(accuracies: Sequence[float], epochs: int = 5) -> float | None:
    """The highest of the last epochs' valid accuracies; None where there are none."""
    return max(accuracies[-epochs:], default=None)
