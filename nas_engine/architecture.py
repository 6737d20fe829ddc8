"""The genotype: which option was taken at each choice of a search space."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """One decision: ``name`` ("normal.1.left_operation") and the options it picks from, by name."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Architecture:
    """``choices[i]`` is the index of the option taken at the space's i-th choice. Hashable; JSON both ways."""

    space: str
    choices: tuple[int, ...]

    def as_json(self) -> dict:
        return {"space": self.space, "choices": list(self.choices)}

    @classmethod
    def from_json(cls, data: dict) -> "Architecture":
        return cls(str(data["space"]), tuple(int(choice) for choice in data["choices"]))
