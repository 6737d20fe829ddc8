"""Cells one decision away that were measured too: what a single change is worth."""

from dataclasses import dataclass
from functools import lru_cache

from nas_engine.architecture import Architecture, Choice
from nas_engine.operations import drawn, is_known
from nas_engine.search_config import read_search
from webapp.models import Trial

MOST = 8
INPUTS = {"s0": "h(i−1)", "s1": "h(i)"}
DECISIONS = {
    "left_input": "left input",
    "right_input": "right input",
    "left_operation": "left",
    "right_operation": "right",
}


@dataclass(frozen=True)
class Neighbour:
    """A measured cell, the decision that differs in words, and how much more accurate it is."""

    trial: Trial
    change: str
    gain: float

    @property
    def kind(self) -> str:
        """Which of its cells differs; "normal", the picture of all, for a whole network."""
        kind, comma, _ = self.change.partition(",")
        return kind if comma else "normal"


def neighbours(measured: Trial) -> list[Neighbour]:
    """Measured cells that differ from the trial's by one decision, under the same protocol, the most accurate first."""
    search = measured.search
    changes = _changes(_Space(search.config), tuple(measured.choices))
    same = Trial.objects.filter(protocol=measured.protocol, state=Trial.State.FINISHED, cell__in=list(changes))
    trials = same.exclude(cell=measured.cell_id).select_related("cell").order_by("-valid_accuracy", "pk")
    trials = trials.only("valid_accuracy", "cell__cells", "cell__name")[:MOST]
    return [
        Neighbour(trial, changes[trial.cell_id], trial.valid_accuracy - measured.valid_accuracy) for trial in trials
    ]


class _Space:
    """A search's space, hashable by what makes it."""

    def __init__(self, config: dict):
        self.config = config
        self.key = repr((config["space"], config["space_config"]))

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        return self.key == other.key


@lru_cache(maxsize=256)
def _changes(space: _Space, choices: tuple[int, ...]) -> dict[str, str]:
    """Key of every architecture one decision away -> the change in words."""
    searched = read_search(space.config).build_space()
    changes: dict[str, str] = {}
    for at, choice in enumerate(searched.choices):
        for option in range(len(choice.options)):
            if option != choices[at]:
                other = Architecture(searched.name, (*choices[:at], option, *choices[at + 1 :]))
                changes.setdefault(searched.key(other), _in_words(choice, choices[at], option))
    return changes


def _in_words(choice: Choice, before: int, after: int) -> str:
    words = [_option(choice.options[index]) for index in (before, after)]
    parts = choice.name.split(".")
    if len(parts) != 3:  # a decision on a whole network, or on a part of it
        return f"{' '.join(parts).replace('_', ' ')}: {words[0]} → {words[1]}"
    kind, block, decision = parts
    what = f" {DECISIONS[decision]}" if decision in DECISIONS else ""
    return f"{kind}, block {block}{what}: {words[0]} → {words[1]}"


def _option(name: str) -> str:
    if is_known(name):
        return drawn(name).titled({})
    return INPUTS.get(name) or (f"block {int(name[1:]) - 1}" if name.startswith("s") and name[1:].isdigit() else name)
