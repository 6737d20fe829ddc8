"""What every search space offers: a fixed tuple of choices and the cells they decode to."""

import math
import random
from abc import ABC, abstractmethod

from nas_engine.architecture import GIVEN, Architecture, Choice, choices_of
from nas_engine.cell import cells_key
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import AnyCell


class SearchSpace(ABC):
    """A space is a fixed tuple of choices. It knows nothing of networks: it decodes an architecture to cells.

    ``family`` names the rules that build networks from its cells (:mod:`nas_engine.blueprint.families`), "" where nothing
    is built. ``skeleton_fields`` are the fields of the skeleton that those rules read; None means all of them, which is
    right for cells that are stacked. Other fields are not offered and stay at their defaults.
    """

    name: str
    choices: tuple[Choice, ...]
    family: str = ""
    skeleton_fields: tuple[str, ...] | None = None

    @abstractmethod
    def cells(self, architecture: Architecture) -> tuple[AnyCell, ...]:
        """The cells of an architecture, deterministic. Raises ConfigError if it is not of this space."""

    def from_line(self, line: str) -> Architecture:
        """The architecture that ``Architecture.line`` writes. Raises ConfigError for one this space has not."""
        architecture = Architecture(self.name, choices_of(line))
        self.check(architecture)
        return architecture

    def fitted(self, architecture: Architecture, number: int) -> Architecture:
        """The architecture as trial ``number`` may have it, where a space grows while it is searched; called on every
        proposal."""
        return architecture

    def sample(self, rng: random.Random) -> Architecture:
        """Uniform over every decision, as the paper's random search does (Zoph et al. 2018, section 4.4)."""
        return Architecture(self.name, tuple(rng.randrange(len(choice.options)) for choice in self.choices))

    def matters(self, architecture: Architecture) -> tuple[bool, ...]:
        """For each decision, whether it has a say: a parameter of an option that was not taken has none."""
        return (True,) * len(self.choices)

    def part_of(self, node: str) -> str:
        """The part of a choice's name, without spaces, that decides on a node: "layer2" for "layer 2.height"."""
        return node

    def repairs(self, architecture: Architecture) -> tuple[str, ...]:
        """In sentences, what the space's rules add to an architecture that its decisions leave open."""
        return ()

    def mutate(self, architecture: Architecture, rng: random.Random) -> Architecture:
        """A copy with exactly one decision changed, drawn among those that matter and have more than one option."""
        matters = self.matters(architecture)
        free = [index for index, choice in enumerate(self.choices) if matters[index] and len(choice.options) > 1]
        if not free:
            raise ConfigError("This space has a single architecture; widen it to search", "space")
        index = rng.choice(free)
        others = [o for o in range(len(self.choices[index].options)) if o != architecture.choices[index]]
        changed = list(architecture.choices)
        changed[index] = rng.choice(others)
        return Architecture(self.name, tuple(changed))

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """All architectures that differ in exactly one decision."""
        self.check(architecture)
        return [
            Architecture(self.name, (*architecture.choices[:index], option, *architecture.choices[index + 1 :]))
            for index, choice in enumerate(self.choices)
            for option in range(len(choice.options))
            if option != architecture.choices[index] and choice.kind != GIVEN
        ]

    def encode(self, architecture: Architecture) -> list[float]:
        """One-hot features, one group per choice, for surrogate models: a list of sum(len(options)) zeros and ones."""
        self.check(architecture)
        pairs = zip(self.choices, architecture.choices, strict=True)
        return [float(option == taken) for choice, taken in pairs for option in range(len(choice.options))]

    def key(self, architecture: Architecture) -> str:
        """Identity up to isomorphism: architectures with equal keys build the same networks."""
        return cells_key(self.cells(architecture))

    def size(self) -> int:
        """How many sequences of decisions there are (isomorphic ones counted apiece); what is given is none."""
        return math.prod(len(choice.options) for choice in self.choices if choice.kind != GIVEN)

    def check(self, architecture: Architecture) -> None:
        """Raises ConfigError unless the architecture belongs to this space."""
        if architecture.space != self.name or len(architecture.choices) != len(self.choices):
            raise ConfigError(
                f"This architecture has not the {len(self.choices)} decisions of {self.name}", "architecture"
            )
        for choice, taken in zip(self.choices, architecture.choices, strict=True):
            if not 0 <= taken < len(choice.options):
                raise ConfigError(f"has {len(choice.options)} options; {taken} is none of them", choice.name)
