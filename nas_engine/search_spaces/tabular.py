"""Search spaces whose architectures are the rows of a published table: see :mod:`nas_engine.search_spaces.tables`."""

import hashlib
import random
from abc import abstractmethod

from nas_engine.architecture import Architecture, Choice
from nas_engine.cell import Node
from nas_engine.graph_cell import GraphCell
from nas_engine.search_spaces.base import SearchSpace
from nas_engine.search_spaces.tables import Table

# In a table with gaps, a row's neighbours are so many of the rows that differ from it in the fewest decisions.
NEIGHBOURS = 20


class TabularSpace(SearchSpace):
    """Where the table has a row for every sequence of decisions, this is a space like any other. Where it has not (a
    sample of NAS-Bench-101), samples, mutations and neighbours are rows of the table, and an architecture without a row,
    which a controller may well propose, stands for the row that differs from it in the fewest decisions (the first of
    them), so that every strategy can search every table.
    """

    def __init__(self, table: Table, choices: tuple[Choice, ...], decisions):
        """``decisions`` (rows, choices) holds the option each row takes at each choice."""
        self.name, self.table, self.choices = table.kind, table, choices
        self._decisions = decisions
        self._row_of: dict[tuple[int, ...], int] = {}
        for row, taken in enumerate(decisions.tolist()):
            self._row_of.setdefault(tuple(taken), row)
        self._firsts = list(self._row_of.values())  # the rows of different architectures
        self._distinct = decisions[self._firsts]
        self._around: dict[int, list[Architecture]] = {}
        self.complete = len(self._row_of) == super().size()

    def size(self) -> int:
        """The number of different architectures in the table."""
        return len(self._row_of)

    def row(self, architecture: Architecture) -> int:
        """The table's row of an architecture."""
        self.check(architecture)
        found = self._row_of.get(architecture.choices)
        return self._nearest(architecture, 1)[0] if found is None else found

    def key(self, architecture: Architecture) -> str:
        """Identity by row: the table holds what each was measured at, even where two rows are isomorphic."""
        return hashlib.sha256(f"{self.name}/{self.row(architecture)}".encode()).hexdigest()

    def sample(self, rng: random.Random) -> Architecture:
        return super().sample(rng) if self.complete else self._at(rng.choice(self._firsts))

    def mutate(self, architecture: Architecture, rng: random.Random) -> Architecture:
        return super().mutate(architecture, rng) if self.complete else rng.choice(self.neighbours(architecture))

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        if self.complete:
            return super().neighbours(architecture)
        row = self.row(architecture)
        if row not in self._around:
            here = self._at(row)
            nearest = [self._at(other) for other in self._nearest(here, NEIGHBOURS + 1)]
            self._around[row] = [other for other in nearest if other != here][:NEIGHBOURS]
        return list(self._around[row])

    def cells(self, architecture: Architecture) -> tuple[GraphCell, ...]:
        """The cell as a graph. Nothing is built from it: its measurements stand in the table."""
        return (GraphCell("normal", self._nodes(self._options(architecture))),)

    def _options(self, architecture: Architecture) -> list[str]:
        taken = self._decisions[self.row(architecture)].tolist()
        return [choice.options[index] for choice, index in zip(self.choices, taken, strict=True)]

    @abstractmethod
    def _nodes(self, options: list[str]) -> tuple[Node, ...]:
        """The graph of the options taken, from node "s0" (input) to node "out"."""

    def _at(self, row: int) -> Architecture:
        return Architecture(self.name, tuple(self._decisions[row].tolist()))

    def _nearest(self, architecture: Architecture, count: int) -> list[int]:
        """Rows of different architectures that differ in the fewest decisions; nearest first, then in the table's order."""
        import numpy

        taken = numpy.array(architecture.choices, dtype=self._distinct.dtype)
        distances = (self._distinct != taken).sum(axis=1)
        order = distances * len(distances) + numpy.arange(len(distances))
        count = min(count, len(order))
        nearest = numpy.sort(numpy.partition(order, count - 1)[:count])
        return [self._firsts[place] for place in (nearest % len(order)).tolist()]


class NASBench201Space(TabularSpace):
    """Four nodes, an operation on each of the six edges from an earlier to a later one; nodes add up what arrives."""

    EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))

    def __init__(self, table: Table):
        names = tuple(str(name) for name in table.column("op_names"))
        edges = self.EDGES[: table.column("ops").shape[1]]
        super().__init__(table, tuple(Choice(f"edge_{a}_{b}", names) for a, b in edges), table.column("ops"))

    def _nodes(self, options: list[str]) -> tuple[Node, ...]:
        nodes = [Node("s0", "input")]
        for state in range(1, 4):
            arriving = []
            for (source, target), operation in zip(self.EDGES, options, strict=False):
                if target == state:
                    arriving.append(f"e{source}{target}")
                    nodes.append(Node(arriving[-1], "op", (f"s{source}",), operation))
            nodes.append(Node(f"s{state}", "add", tuple(arriving)))
        return (*nodes, Node("out", "output", ("s3",)))


class NASBenchMacroSpace(TabularSpace):
    """A chain: one block for each layer."""

    def __init__(self, table: Table):
        names = tuple(str(name) for name in table.column("block_names"))
        blocks = table.column("blocks")
        super().__init__(table, tuple(Choice(f"layer_{at + 1}", names) for at in range(blocks.shape[1])), blocks)

    def _nodes(self, options: list[str]) -> tuple[Node, ...]:
        nodes = [Node("s0", "input")]
        for at, block in enumerate(options, start=1):
            nodes.append(Node(f"layer{at}", "op", (nodes[-1].id,), block))
        return (*nodes, Node("out", "output", (nodes[-1].id,)))


class NASBench101Space(TabularSpace):
    """A graph of at most seven vertices: a decision for every possible edge and one for the operation of every vertex
    between the first (input) and the last (output); an unused place is "absent"."""

    def __init__(self, table: Table):
        import numpy

        adjacency, ops = table.column("adjacency"), table.column("ops")
        names = tuple(str(name) for name in table.column("op_names"))
        size = adjacency.shape[1]
        self._edges = [(a, b) for b in range(size) for a in range(b)]
        choices = [Choice(f"edge_{a}_{b}", ("no", "yes")) for a, b in self._edges]
        choices += [Choice(f"vertex_{at + 1}", names) for at in range(ops.shape[1])]
        edges = numpy.stack([adjacency[:, a, b] for a, b in self._edges], axis=1)
        super().__init__(table, tuple(choices), numpy.concatenate([edges, ops], axis=1))

    def _nodes(self, options: list[str]) -> tuple[Node, ...]:
        edges = [edge for edge, present in zip(self._edges, options, strict=False) if present == "yes"]
        operations = options[len(self._edges) :]
        last = max((b for _, b in edges), default=0)
        names = {0: "s0", **{at: f"v{at}" for at in range(1, last)}, last: "out"}
        nodes = [Node("s0", "input")]
        for vertex in range(1, last + 1):
            inputs = tuple(names[a] for a, b in edges if b == vertex)
            operation = operations[vertex - 1] if vertex < last else ""
            nodes.append(Node(names[vertex], "op" if vertex < last else "output", inputs, operation))
        return tuple(nodes)


class NASBench301Space(TabularSpace):
    """DARTS cells: to each of four nodes two edges, each with an input and an operation; both kinds of cell."""

    KINDS = ("normal", "reduction")

    def __init__(self, table: Table):
        names = tuple(str(name) for name in table.column("op_names"))
        choices = []
        for kind in self.KINDS:
            for edge in range(8):
                at = f"{kind}.{edge // 2 + 1}.{'second' if edge % 2 else 'first'}"
                inputs = tuple(f"s{state}" for state in range(2 + edge // 2))
                choices += [Choice(f"{at}_input", inputs), Choice(f"{at}_operation", names)]
        super().__init__(table, tuple(choices), table.column("cells").reshape(table.rows, -1))

    def cells(self, architecture: Architecture) -> tuple[GraphCell, ...]:
        options = self._options(architecture)
        return tuple(
            GraphCell(kind, self._nodes(options[16 * at : 16 * at + 16])) for at, kind in enumerate(self.KINDS)
        )

    def _nodes(self, options: list[str]) -> tuple[Node, ...]:
        nodes = [Node("s0", "input"), Node("s1", "input")]
        for state in range(2, 6):
            for edge, source, operation in zip("lr", options[::2], options[1::2], strict=False):
                nodes.append(Node(f"b{state - 1}{edge}", "op", (source,), operation, state - 1))
            nodes.append(Node(f"s{state}", "add", (f"b{state - 1}l", f"b{state - 1}r"), block=state - 1))
            options = options[4:]
        nodes.append(Node("concat", "concat", ("s2", "s3", "s4", "s5")))
        return (*nodes, Node("out", "output", ("concat",)))


SPACES = {
    "nas-bench-201": NASBench201Space,
    "nas-bench-macro": NASBenchMacroSpace,
    "nas-bench-101": NASBench101Space,
    "nas-bench-301": NASBench301Space,
}


def tabular_space(table: Table) -> TabularSpace:
    """The space of a table of any known kind."""
    return SPACES[table.kind](table)
