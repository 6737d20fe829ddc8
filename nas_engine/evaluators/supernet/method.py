"""What a weight-sharing method is: something that trains an epoch of a supernet and reads architectures off it."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from nas_engine.architecture import Architecture
from nas_engine.evaluators.supernet.records import Derived
from nas_engine.evaluators.supernet.session import Session
from nas_engine.search_spaces.base import SearchSpace
from nas_engine.training.loop import Totals


@dataclass
class Epoch:
    """What a method has to say of an epoch: sums over its train batches, means over its valid batches (None: it read none),
    the architecture it would now return, further fields of the record (``details``), and how much the normal cell leans
    on skips, in [0, 1] (None: that is not learned)."""

    train: Totals
    derived: Derived
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    details: dict = field(default_factory=dict)
    skip_weight: float | None = None


class Method(ABC):
    """``session`` holds the supernet, ``space`` is where derived architectures come from."""

    def __init__(self, session: Session, space: SearchSpace):
        self.session, self.space, self.config = session, space, session.config

    @abstractmethod
    def epoch(self) -> Epoch:
        """Train for the epoch that the session is open for."""

    @abstractmethod
    def derive(self, count: int) -> list[Derived]:
        """Up to ``count`` different architectures, the one to be retrained first. The session is open."""

    def state(self) -> tuple[dict[str, Tensor], dict]:
        """What was learned beside the weights: tensors, and JSON."""
        return {}, {}

    def load_state(self, tensors: dict[str, Tensor], data: dict) -> None:  # noqa: B027 (nothing learned, nothing loaded)
        """Inverse of :meth:`state`."""

    def probe(self) -> Callable[[Tensor], Tensor]:
        """A forward pass as the weights' training does it, for measuring what it takes."""
        return self.path(self.space.sample(random.Random(0)))

    def path(self, architecture: Architecture) -> Callable[[Tensor], Tensor]:
        """The supernet along one architecture: images to logits."""
        cells = self.space.cells(architecture)
        return lambda images: self.session.net.forward_cells(images, cells)

    def scored(self, architecture: Architecture, batches: int | None = None) -> Derived:
        """The architecture with its accuracy as a path, over ``batches`` valid batches (default: ``score_batches``)."""
        score = self.session.score(self.path(architecture), batches or self.config.one_shot.score_batches)
        return Derived(architecture, self.space.cells(architecture), score)


def distinct(derived: list[Derived], count: int, space: SearchSpace) -> list[Derived]:
    """The first ``count`` that are no isomorphic copies of an earlier one."""
    kept = {space.key(one.architecture): one for one in reversed(derived)}
    order = sorted(kept.values(), key=derived.index)
    return order[:count]
