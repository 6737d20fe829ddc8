"""The reward in words and symbols, from what stands in the form."""

from dataclasses import dataclass

from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.reward import COSTS, RewardConfig

UNITS = {"macs": "M", "params": "M", "latency": "ms"}


@dataclass(frozen=True)
class Formula:
    """``cost`` is the word for what is steered by ("MACs"), empty for accuracy alone; ``note`` what the exponent means.
    ``power`` of the accuracy, empty for 1; ``best``: the best of the last epochs counts."""

    cost: str = ""
    target: str = ""
    below: str = ""
    above: str = ""
    note: str = ""
    power: str = ""
    best: bool = False

    @property
    def one_exponent(self) -> bool:
        return self.below == self.above


def formula(data: dict) -> Formula | None:
    """Of a plain reward configuration; None while it is not valid."""
    try:
        config = read(RewardConfig, data)
    except ConfigError:
        return None
    accuracy = {
        "power": "" if config.power == 1 else f"{config.power:g}",
        "best": config.accuracy == "best_of_five",
    }
    if config.goal == "accuracy":
        return Formula(**accuracy)
    lost = 100 * (1 - 2**config.above)
    note = (
        f"twice the target costs {lost:.1f}\u00a0% of the reward"
        if config.above
        else "nothing is lost beyond the target"
    )
    target = f"{config.target:g}\u00a0{UNITS[config.goal]}"
    return Formula(COSTS[config.goal], target, _signed(config.below), _signed(config.above), note, **accuracy)


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "\u2212")
