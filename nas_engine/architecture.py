"""The genotype: which option was taken at each choice of a search space."""

from dataclasses import dataclass

from nas_engine.errors import ConfigError

# Kinds of decisions a controller does not take by a softmax of its own (nas_engine.strategies.controller).
ANCHOR = "anchor"  # one of an anchor point's: whether a certain earlier part is an input, ("no", "yes")
GIVEN = "given"  # not decided at all: the space sets it by the trial's number


@dataclass(frozen=True)
class Choice:
    """One decision: ``name`` ("normal.1.left_operation") and the options it picks from, by name.

    ``kind`` is "", ANCHOR or GIVEN. The decisions of an anchor point stand together, for the earlier parts in order: one in
    the first anchor point, two in the second, and so on.
    """

    name: str
    options: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class Architecture:
    """``choices[i]`` is the index of the option taken at the space's i-th choice. Hashable; JSON both ways.

    ``line`` writes it for addresses and settings: "0-3-1".
    """

    space: str
    choices: tuple[int, ...]

    @property
    def line(self) -> str:
        return "-".join(map(str, self.choices))

    def as_json(self) -> dict:
        return {"space": self.space, "choices": list(self.choices)}

    @classmethod
    def from_json(cls, data: dict) -> "Architecture":
        return cls(str(data["space"]), tuple(int(choice) for choice in data["choices"]))


def choices_of(line: str, field: str = "architecture") -> tuple[int, ...]:
    """The choices that ``Architecture.line`` writes. Raises ConfigError under ``field``."""
    words = line.split("-")
    if not all(word.isdecimal() for word in words):
        raise ConfigError(f"{line!r} is no architecture: write numbers with - between them, as 0-3-1.", field)
    return tuple(map(int, words))
