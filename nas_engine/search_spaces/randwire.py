"""RandWire's search space (Xie et al. 2019): random graph generators, their parameters and the seeds of their graphs."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nas_engine.architecture import Architecture, Choice
from nas_engine.cell import Node, frozen_options
from nas_engine.config import setting
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell
from nas_engine.search_spaces.base import SearchSpace
from nas_engine.search_spaces.random_graphs import KINDS, Generator, Wiring

FAMILY = OPERATION = "randwire"
# Stages of random graphs: the small regime has a plain convolution where the regular one has a graph of half the nodes.
STAGES = {"small": 3, "regular": 4}


@dataclass(frozen=True)
class RandWireConfig:
    """What is drawn from; parameters that the paper studied are the defaults (section 4, figure 4)."""

    regime: str = setting(
        "small",
        "Regime",
        options=tuple(STAGES),
        labels=("Small: three random stages", "Regular: four"),
        help="The first of four stages has half the nodes.",
    )
    nodes: int = setting(32, "Nodes a stage, N", minimum=2, maximum=64, help="32 in the paper.")
    generators: tuple[str, ...] = setting(
        tuple(KINDS), "Generators", options=tuple(KINDS), labels=("Erdős–Rényi", "Barabási–Albert", "Watts–Strogatz")
    )
    er_p: tuple[str, ...] = setting(
        ("0.2", "0.4", "0.6", "0.8"), "ER: P", options=("0.05", "0.1", "0.2", "0.3", "0.4", "0.6", "0.8"),
        help="Chance of each edge.",
    )  # fmt: skip
    ba_m: tuple[str, ...] = setting(
        ("1", "3", "5", "7"), "BA: M", options=("1", "2", "3", "4", "5", "6", "7"), help="Edges a new node brings."
    )
    ws_k: tuple[str, ...] = setting(
        ("2", "4", "6", "8"), "WS: K", options=("2", "4", "6", "8"), help="Neighbours on the ring."
    )
    ws_p: tuple[str, ...] = setting(
        ("0.25", "0.5", "0.75", "1"), "WS: P", options=("0", "0.1", "0.25", "0.5", "0.75", "1"),
        help="Chance that an edge is bent.",
    )  # fmt: skip
    seeds: int = setting(
        10, "Seeds", minimum=1, maximum=1000, help="Graphs of each generator there are to choose from."
    )
    own_seeds: bool = setting(
        True, "A seed for each stage", help="Off: one seed draws the graphs of all stages, each its own."
    )

    edge_drop: float = setting(
        0.0, "Edge drop", minimum=0, maximum=0.9, advanced=True,
        help="Chance that a sum leaves one of its inputs out at a training step; 0.1 in the paper’s regular regime.",
    )  # fmt: skip

    def __post_init__(self):
        wrong = {"generators": "Choose at least one."} if not self.generators else {}
        for kind, field in PARAMETERS:
            if kind in self.generators and not getattr(self, field):
                wrong[field] = "Choose at least one."
        least = min(stage_nodes(self.regime, self.nodes))
        for kind, field in (("ba", "ba_m"), ("ws", "ws_k")):
            large = [value for value in getattr(self, field) if int(value) >= least]
            if kind in self.generators and large:
                wrong[field] = f"{large[0]} needs {int(large[0]) + 1} nodes or more; a stage has {least}."
        if wrong:
            raise ConfigError(wrong)


# Which settings of the configuration hold the options of which generator's parameters.
PARAMETERS = (("er", "er_p"), ("ba", "ba_m"), ("ws", "ws_k"), ("ws", "ws_p"))


def stage_nodes(regime: str, nodes: int) -> tuple[int, ...]:
    """The number of nodes of each stage."""
    return (nodes,) * 3 if regime == "small" else (max(1, nodes // 2), nodes, nodes, nodes)


class RandWireSpace(SearchSpace):
    """The generator, the parameters of every generator (those of the others than the chosen one do not matter), and a seed
    for each stage or for all. Decodes to a cell for each stage."""

    name = "randwire"
    family = FAMILY
    skeleton_fields = ("kind", "filters", "dropout", "norm_decay")

    def __init__(self, config: RandWireConfig):
        self.config = config
        self.sizes = stage_nodes(config.regime, config.nodes)
        self.choices = (*self._generator_choices(), *self._seed_choices())

    def _generator_choices(self) -> tuple[Choice, ...]:
        offered = [(kind, field) for kind, field in PARAMETERS if kind in self.config.generators]
        parameters = [Choice(field.replace("_", "."), getattr(self.config, field)) for _, field in offered]
        return (Choice("generator", self.config.generators), *parameters)

    def _seed_choices(self) -> tuple[Choice, ...]:
        seeds = tuple(map(str, range(self.config.seeds)))
        if not self.config.own_seeds:
            return (Choice("seed", seeds),)
        return tuple(Choice(f"stage {number}.seed", seeds) for number in range(1, len(self.sizes) + 1))

    def matters(self, architecture: Architecture) -> tuple[bool, ...]:
        """Parameters of the generators that were not chosen do not."""
        kind = self.choices[0].options[architecture.choices[0]]
        return tuple(
            choice.name.split(".")[0] == kind or choice.name.split(".")[0] not in KINDS for choice in self.choices
        )

    def size(self) -> int:
        """How many networks there are to choose from, decisions without a say left out."""
        offered = {choice.name: len(choice.options) for choice in self.choices}
        generators = sum(
            math.prod(count for name, count in offered.items() if name.startswith(f"{kind}."))
            for kind in self.config.generators
        )
        return generators * math.prod(count for name, count in offered.items() if name.endswith("seed"))

    def cells(self, architecture: Architecture) -> tuple[GraphCell, ...]:
        """A cell for each stage. Raises ConfigError if the architecture is not of this space."""
        self.check(architecture)
        generator, seeds = self.decided(architecture)
        return randwire_cells(generator, seeds, self.sizes, self.config.edge_drop)

    def decided(self, architecture: Architecture) -> tuple[Generator, tuple[int, ...]]:
        """The chosen generator, and the seed of each stage."""
        pairs = zip(self.choices, architecture.choices, strict=True)
        taken = {choice.name: choice.options[index] for choice, index in pairs}
        kind = taken["generator"]
        values = {name.split(".")[1]: float(value) for name, value in taken.items() if name.startswith(f"{kind}.")}
        whole = {name: int(value) if name in "mk" else value for name, value in values.items()}
        seeds = [int(value) for name, value in taken.items() if name.endswith("seed")]
        return Generator(kind, **whole), tuple(seeds * len(self.sizes) if len(seeds) == 1 else seeds)


def stage_wirings(generator: Generator, seeds: Sequence[int], sizes: Sequence[int]) -> tuple[Wiring, ...]:
    """The graph of each stage. Stages draw different graphs from equal seeds. Raises ConfigError where a stage has too few
    nodes for the generator."""
    stages = enumerate(zip(seeds, sizes, strict=True), start=1)
    return tuple(generator.wiring(nodes, f"{seed}/{number}") for number, (seed, nodes) in stages)


def randwire_cells(
    generator: Generator, seeds: Sequence[int], sizes: Sequence[int], edge_drop: float = 0.0
) -> tuple[GraphCell, ...]:
    """A cell for each stage, of :func:`stage_wirings`."""
    wirings = stage_wirings(generator, seeds, sizes)
    return tuple(stage_cell(number, wiring, edge_drop) for number, wiring in enumerate(wirings, start=1))


def stage_cell(number: int, wiring: Wiring, edge_drop: float = 0.0) -> GraphCell:
    """The cell of a stage: nodes without predecessors read its input, the mean of those without successors is its output.

    ``edge_drop`` is the chance that a sum leaves one of its inputs out at a training step.
    """
    nodes = [
        Node(f"n{node}", "op", tuple(f"n{source}" for source in before) or ("s0",), OPERATION)
        for node, before in enumerate(wiring.before)
    ]
    output = Node("out", "output", tuple(f"n{node}" for node in wiring.outputs))
    options = frozen_options({"edge_drop": edge_drop} if edge_drop else {})
    return GraphCell(f"stage {number}", (Node("s0", "input"), *nodes, output), FAMILY, options)


def wiring_of(cell: GraphCell) -> Wiring:
    """The graph of a stage's cell: the inverse of :func:`stage_cell`."""
    operations = [node for node in cell.nodes if node.kind == "op"]
    place = {node.id: index for index, node in enumerate(operations)}
    edges = ((place[one], place[node.id]) for node in operations for one in node.inputs if one in place)
    return Wiring(len(operations), tuple(sorted(edges)))


def parse_cells(text: str) -> tuple[GraphCell, ...]:
    """The cells that "ws(4,0.75):seed=3" names, after an optional "randwire:"; further parts are "nodes=32" and
    "regime=regular". "seed=3,1,4" gives each stage its own. Raises ConfigError for anything else."""
    head, *rest = text.removeprefix("randwire:").split(":")
    given = dict(part.partition("=")[::2] for part in rest)
    for name, value in given.items():
        known = {"seed": r"\d{1,9}(,\d{1,9})*", "nodes": r"\d{1,3}", "regime": "|".join(STAGES)}
        if name not in known or not re.fullmatch(known[name], value):
            example = "randwire:ws(4,0.75):seed=3:nodes=32:regime=regular"
            raise ConfigError(f"{name}={value} is not understood. Write {example}.", "name")
    regime, nodes = given.get("regime", "small"), int(given.get("nodes", 32))
    if not 2 <= nodes <= 512:
        raise ConfigError(f"A stage has 2 to 512 nodes, not {nodes}.", "nodes")
    sizes = stage_nodes(regime, nodes)
    seeds = [int(seed) for seed in given.get("seed", "0").split(",")]
    if len(seeds) not in (1, len(sizes)):
        raise ConfigError(f"Give one seed, or {len(sizes)}: one for each stage.", "seed")
    return randwire_cells(Generator.parse(head), seeds * len(sizes) if len(seeds) == 1 else seeds, sizes)


@dataclass(frozen=True)
class Removal:
    """A node to be left out, or the edge from ``source`` to it. ``degree`` is what the damage is set against: the node's
    output degree, or the input degree of the edge's target; both count edges of the graph alone."""

    stage: int
    node: str
    source: str
    degree: int


def removals(cells: Sequence[GraphCell]) -> list[Removal]:
    """Every node and every edge of the stages' graphs, stage by stage."""
    found = []
    for stage, cell in enumerate(cells, start=1):
        inner = {node.id: [one for one in node.inputs if one != "s0"] for node in cell.nodes if node.kind == "op"}
        outputs = Counter(source for inputs in inner.values() for source in inputs)
        found += [Removal(stage, node, "", outputs[node]) for node in inner]
        found += [Removal(stage, node, source, len(inputs)) for node, inputs in inner.items() for source in inputs]
    return found
