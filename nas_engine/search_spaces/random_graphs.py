"""Random graph generators and the wiring they give: a directed acyclic graph for one stage (Xie et al. 2019, section 3).

A graph is a function of (generator, number of nodes, seed): the same on every machine and in every version of Python, since
only :meth:`random.Random.random` and whole numbers made from it are used.
"""

import random
import re
from dataclasses import dataclass
from functools import cached_property

from nas_engine.errors import ConfigError

KINDS = {"er": "Erdős–Rényi", "ba": "Barabási–Albert", "ws": "Watts–Strogatz"}


@dataclass(frozen=True)
class Wiring:
    """``nodes`` nodes, numbered along the flow; every edge leads from a lower to a higher number, so there is no cycle."""

    nodes: int
    edges: tuple[tuple[int, int], ...]

    def __post_init__(self):
        if any(not 0 <= source < target < self.nodes for source, target in self.edges):
            raise ConfigError(f"Edges lead from a lower to a higher one of {self.nodes} nodes.", "wiring")

    @cached_property
    def before(self) -> tuple[tuple[int, ...], ...]:
        """For each node, the nodes whose outputs it sums, in order."""
        found = [[] for _ in range(self.nodes)]
        for source, target in sorted(self.edges):
            found[target].append(source)
        return tuple(map(tuple, found))

    @cached_property
    def after(self) -> tuple[tuple[int, ...], ...]:
        """For each node, the nodes that read it, in order."""
        found = [[] for _ in range(self.nodes)]
        for source, target in sorted(self.edges):
            found[source].append(target)
        return tuple(map(tuple, found))

    @property
    def inputs(self) -> tuple[int, ...]:
        """The nodes without predecessors: they read the stage's input."""
        return tuple(node for node in range(self.nodes) if not self.before[node])

    @property
    def outputs(self) -> tuple[int, ...]:
        """The nodes without successors: the stage's output is their mean."""
        return tuple(node for node in range(self.nodes) if not self.after[node])


@dataclass(frozen=True)
class Generator:
    """ER(``p``), BA(``m``) or WS(``k``, ``p``); what a kind does not use is 0. ``str`` and :meth:`parse` are inverse:
    "er(0.2)", "ba(5)", "ws(4,0.75)".

    Raises ConfigError where the parameters are not those of its kind.
    """

    kind: str
    p: float = 0.0
    m: int = 0
    k: int = 0

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ConfigError(f"{self.kind!r} is not a generator. Known: {', '.join(KINDS)}.", "generator")
        if not 0 <= self.p <= 1:
            raise ConfigError(f"is a probability, from 0 to 1, not {self.p:g}.", "p")
        if self.kind == "ba" and self.m < 1:
            raise ConfigError("Each new node brings 1 edge or more.", "m")
        if self.kind == "ws" and (self.k < 2 or self.k % 2):
            raise ConfigError(f"counts neighbours on both sides: an even number from 2, not {self.k}.", "k")

    def __str__(self) -> str:
        values = {"er": f"{self.p:g}", "ba": f"{self.m}", "ws": f"{self.k},{self.p:g}"}
        return f"{self.kind}({values[self.kind]})"

    @classmethod
    def parse(cls, text: str) -> "Generator":
        """From "er(0.2)", "ba(5)" or "ws(4,0.75)"; spaces and capitals do not matter. Raises ConfigError otherwise."""
        compact = re.sub(r"\s", "", text).lower()
        number = r"(\d*\.?\d+)"
        if found := re.fullmatch(rf"er\({number}\)", compact):
            return cls("er", p=float(found[1]))
        if found := re.fullmatch(r"ba\((\d{1,6})\)", compact):
            return cls("ba", m=int(found[1]))
        if found := re.fullmatch(rf"ws\((\d{{1,6}}),{number}\)", compact):
            return cls("ws", k=int(found[1]), p=float(found[2]))
        raise ConfigError(f"{text!r} is no generator. Write er(0.2), ba(5) or ws(4,0.75).", "generator")

    @property
    def fewest_nodes(self) -> int:
        """The smallest graph it can make."""
        return {"er": 1, "ba": self.m + 1, "ws": self.k + 1}[self.kind]

    def wiring(self, nodes: int, seed: int | str) -> Wiring:
        """The graph of ``seed`` on ``nodes`` nodes. Raises ConfigError where there are too few nodes for the parameters."""
        if nodes < self.fewest_nodes:
            raise ConfigError(f"{self} needs {self.fewest_nodes} nodes or more, not {nodes}.", "nodes")
        rng = random.Random(f"{self}/{nodes}/{seed}")
        edges = {"er": self._erdos_renyi, "ba": self._barabasi_albert, "ws": self._watts_strogatz}[self.kind](
            nodes, rng
        )
        return Wiring(nodes, tuple(sorted((min(edge), max(edge)) for edge in edges)))

    def _erdos_renyi(self, nodes: int, rng: random.Random) -> list[tuple[int, int]]:
        """Each pair with probability p. The order of the nodes, arbitrary in the paper, is that of their numbers."""
        return [(low, high) for high in range(nodes) for low in range(high) if rng.random() < self.p]

    def _barabasi_albert(self, nodes: int, rng: random.Random) -> list[tuple[int, int]]:
        """m nodes without edges to begin with; each further node brings m edges to different nodes, drawn with a probability
        proportional to their degrees. The first newcomer meets degrees of 0 only and m nodes: it takes them all."""
        edges: list[tuple[int, int]] = []
        ends: list[int] = []  # each node as often as it has edges
        for new in range(self.m, nodes):
            met = set() if ends else set(range(self.m))
            while len(met) < self.m:
                met.add(ends[_below(len(ends), rng)])
            edges += [(old, new) for old in sorted(met)]
            ends += [*sorted(met), *[new] * self.m]
        return edges

    def _watts_strogatz(self, nodes: int, rng: random.Random) -> list[tuple[int, int]]:
        """A ring where each node knows its k/2 neighbours on either side. Clockwise, once for each distance, the edge to the
        neighbour at that distance is bent with probability p to a node drawn among those it has no edge to yet."""
        neighbours: list[set[int]] = [set() for _ in range(nodes)]
        for distance in range(1, self.k // 2 + 1):
            for node in range(nodes):
                _join(neighbours, node, (node + distance) % nodes)
        for distance in range(1, self.k // 2 + 1):
            for node in range(nodes):
                old = (node + distance) % nodes
                free = [other for other in range(nodes) if other != node and other not in neighbours[node]]
                if rng.random() < self.p and free:
                    neighbours[node].remove(old)
                    neighbours[old].remove(node)
                    _join(neighbours, node, free[_below(len(free), rng)])
        return [(low, high) for low in range(nodes) for high in neighbours[low] if low < high]


def _join(neighbours: list[set[int]], one: int, other: int) -> None:
    neighbours[one].add(other)
    neighbours[other].add(one)


def _below(bound: int, rng: random.Random) -> int:
    """Uniform over 0 .. bound - 1."""
    return int(rng.random() * bound)
