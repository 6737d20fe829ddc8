"""What a weight-sharing search tells while it runs and when it is done: plain JSON both ways. Torch-free."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from nas_engine.architecture import Architecture
from nas_engine.cell import Cell
from nas_engine.graph_cell import GraphCell


@dataclass(frozen=True)
class Progress:
    """Inside an epoch: ``phase`` is weights, controller or scoring; ``step`` of ``steps`` is done."""

    epoch: int
    epochs: int
    phase: str
    step: int
    steps: int


Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Derived:
    """An architecture read off the supernet. ``supernet_score`` is its accuracy on valid, in [0, 1], as a path with shared
    weights: never to be ranked beside the accuracy of a trained network. None: it was not scored."""

    architecture: Architecture
    cells: tuple[Cell | GraphCell, ...]
    supernet_score: float | None

    def as_json(self) -> dict:
        return {
            "architecture": self.architecture.as_json(),
            # Through text and back: options of a graph's nodes are tuples, which JSON has none of.
            "cells": [json.loads(json.dumps(cell.as_json())) for cell in self.cells],
            "supernet_score": self.supernet_score,
        }


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of a weight-sharing search.

    ``train_loss`` and ``train_accuracy`` are means over the batches the weights were trained on; ``valid_loss`` and
    ``valid_accuracy`` over the valid batches of the epoch (the mixture's for DARTS, sampled paths' for the others), all
    with batch statistics. ``valid_accuracy`` is no measure of any one architecture.

    ``alphas`` maps a cell type ("normal", "reduction") to [edges][operations] architecture parameters, ``mixture`` to the
    softmax weights they stand for, ``edge_weights`` to one weight an edge (PC-DARTS). ``edges`` names the rows as
    [source, target] states, ``operations`` the columns. ``controller`` (ENAS) holds ``entropy`` and ``entropy_uniform`` in
    nats, mean ``reward``, ``baseline``, ``skip_rate`` (macro) and ``probabilities``: choice name of the search space ->
    marginal probability of each option. ``derived`` is the architecture that the search would now return
    (:meth:`Derived.as_json`). ``skips`` of ``skip_places`` operations of its normal cell are skips; ``alarm`` says in a
    sentence that they are taking over, or is empty. ``temperature`` is GDAS'. ``memory`` in bytes is the peak on a GPU, or
    the process's peak. ``finished``: this was the last epoch, with ``reason`` where it ended early.
    """

    epoch: int
    epochs: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    valid_loss: float | None
    valid_accuracy: float | None
    seconds: float
    images_per_second: float
    memory: int
    alphas: dict[str, list[list[float]]] = field(default_factory=dict)
    mixture: dict[str, list[list[float]]] = field(default_factory=dict)
    edge_weights: dict[str, list[float]] = field(default_factory=dict)
    edges: list[list[int]] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    controller: dict = field(default_factory=dict)
    temperature: float | None = None
    derived: dict | None = None
    skips: int = 0
    skip_places: int = 0
    alarm: str = ""
    finished: bool = False
    reason: str = ""

    def as_json(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Estimate:
    """What a search will cost: seconds an epoch and in all, peak memory in bytes and what the device has. ``fits`` is False
    where it will not; ``advice`` then says what to change, under dotted fields ({"weights.batch_size": 32}, ...)."""

    seconds_per_epoch: float
    seconds: float
    memory: int
    device_memory: int
    fits: bool
    device: dict
    params: int
    macs: int
    advice: dict = field(default_factory=dict)
    message: str = ""

    def as_json(self) -> dict:
        return asdict(self)
