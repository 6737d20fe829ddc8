"""One cell, drafted for the shapes of its two inputs: projections, operations, combinations, output."""

from dataclasses import dataclass

from nas_engine.blueprint.blueprint import NodeCost
from nas_engine.blueprint.dialects import Dialect
from nas_engine.blueprint.draft import Draft, Layer, Shape
from nas_engine.blueprint.operations import draft_operation
from nas_engine.cell import Cell
from nas_engine.operations import OPERATIONS


@dataclass(frozen=True)
class CellDraft:
    """A cell ready to be placed. Layer indices 0 and 1 mean its older and newer input; ``output`` is the index of its
    result. ``reads`` says whether anything that reaches the output reads the older and the newer input."""

    layers: tuple[Layer, ...]
    output: int
    shape: Shape
    params: int
    macs: int
    nodes: dict[str, NodeCost]
    reads: tuple[bool, bool]


def draft_cell(
    cell: Cell, filters: int, older: Shape, newer: Shape, stride: int, dialect: Dialect, first: bool = False
) -> CellDraft:
    """Draft ``cell`` with ``filters`` channels a state (rules: Zoph et al. 2018, section 3 and the dialect's code).

    ``stride`` 2 makes it a reduction: operations on its two inputs are strided. ``first`` marks the first cell of all,
    whose inputs are both the stem. Only what reaches the output is built.
    """
    return _Drafter(cell, filters, older, newer, stride, dialect, first).finish()


class _Drafter:
    def __init__(
        self, cell: Cell, filters: int, older: Shape, newer: Shape, stride: int, dialect: Dialect, first: bool
    ):
        self.cell, self.filters, self.stride, self.dialect, self.first = cell, filters, stride, dialect, first
        self.draft = Draft((older, newer), dialect.same_padding)
        self.states: list[int | None] = [None, None]
        self.fitted: dict[int, int] = {}
        self.nodes = {
            "s0": NodeCost(0, 0, older, older),
            "s1": NodeCost(0, 0, newer, newer),
        }

    def finish(self) -> CellDraft:
        draft, needed = self.draft, self._needed()
        if needed[0]:
            self.states[0] = self._charged("s0", 0, self._older)
        if needed[1]:
            self.states[1] = self._charged("s1", 1, self._newer)
        for number, block in enumerate(self.cell.blocks, start=1):
            if needed[number + 1]:
                self._block(number, block)
            else:
                self._leave_out(number)
        output = self._charged("concat", None, self._output)
        shape = draft.shapes[output]
        self.nodes["out"] = NodeCost(0, 0, shape, shape)
        return CellDraft(
            tuple(draft.layers), output, shape, draft.params, draft.macs, self.nodes, (needed[0], needed[1])
        )

    def _needed(self) -> list[bool]:
        """Which states reach the output."""
        needed = [False] * (len(self.cell.blocks) + 2)
        for state in self.cell.concat:
            needed[state] = True
        for state in range(len(needed) - 1, 1, -1):
            if needed[state]:
                block = self.cell.blocks[state - 2]
                needed[block.left_input] = needed[block.right_input] = True
        return needed

    def _charged(self, node: str, source: int | None, build, stride: int = 1) -> int:
        """Run ``build`` and book what it adds on ``node``."""
        draft = self.draft
        params, macs = draft.params, draft.macs
        index = build()
        shape = draft.shapes[index]
        in_shape = shape if source is None else draft.shapes[source]
        self.nodes[node] = NodeCost(draft.params - params, draft.macs - macs, in_shape, shape, stride)
        return index

    def _older(self) -> int:
        draft, (channels, *size) = self.draft, self.draft.shapes[0]
        if self.first and self.dialect.first_older_raw:
            return 0
        if size != list(draft.shapes[1][1:]):
            return draft.factorized_reduction(0, "s0", self.filters)
        if self.dialect.always_project or channels != self.filters:
            return draft.conv_norm(0, "s0", self.filters)
        return 0

    def _newer(self) -> int:
        source = 1
        if self.dialect.calibrate_newer and self.draft.shapes[1][0] != self.filters:
            source = self.draft.conv_norm(1, "s1.calibrate", self.filters)
        return self.draft.conv_norm(source, "s1", self.filters)

    def _block(self, number: int, block) -> None:
        draft, scope = self.draft, f"s{number + 1}"
        sides = []
        for side, state, name in (
            ("l", block.left_input, block.left_operation),
            ("r", block.right_input, block.right_operation),
        ):
            source, stride = self._input(state), self.stride if state < 2 else 1
            node, operation = f"b{number}{side}", OPERATIONS[name]
            params, macs = draft.params, draft.macs
            index = draft_operation(draft, operation, source, self.filters, stride, self.dialect, node)
            self.nodes[node] = NodeCost(
                draft.params - params, draft.macs - macs, draft.shapes[source], draft.shapes[index], stride
            )
            sides.append(index)
        if block.combination == "add":
            state = draft.add(*sides, scope)
        else:
            state = draft.concat(tuple(sides), scope)
        self.states.append(state)
        self.nodes[scope] = NodeCost(0, 0, draft.shapes[sides[0]], draft.shapes[state])

    def _leave_out(self, number: int) -> None:
        """A block that reaches no output costs nothing; its nodes keep a place with the shape they would have."""
        self.states.append(None)
        shape = self.nodes["s1"].shape
        for node in (f"b{number}l", f"b{number}r", f"s{number + 1}"):
            self.nodes[node] = NodeCost(0, 0, shape, shape)

    def _input(self, state: int) -> int:
        """A state as operations see it: a concatenation (2F channels) goes through one 1x1 to F, shared by its readers."""
        index = self.states[state]
        if state < 2 or self.draft.shapes[index][0] == self.filters:
            return index
        if state not in self.fitted:
            before = self.nodes[f"s{state}"]
            self.fitted[state] = self._charged(
                f"s{state}", None, lambda: self.draft.conv_norm(index, f"s{state}", self.filters)
            )
            fit = self.nodes[f"s{state}"]
            self.nodes[f"s{state}"] = before._replace(params=fit.params, macs=fit.macs)
        return self.fitted[state]

    def _output(self) -> int:
        draft = self.draft
        sources = []
        created = [state for state in self.cell.concat if state > 1]
        size = draft.shapes[self.states[created[0]]][1:] if created else None
        if size is None:
            size = tuple(-(-side // self.stride) for side in draft.shapes[1][1:])
        for state in self.cell.concat:
            index = self.states[state]
            if state < 2:
                index = self._fit(index, size, f"concat.{state}")
            sources.append(index)
        return draft.concat(tuple(sources), "concat")

    def _fit(self, index: int, size: tuple[int, int], scope: str) -> int:
        """An input of the cell that goes straight to its output: made as small and as narrow as the others, without ReLU."""
        channels, *own = self.draft.shapes[index]
        if tuple(own) != tuple(size):
            return self.draft.factorized_reduction(index, scope, self.filters, relu=False)
        return index if channels == self.filters else self.draft.conv_norm(index, scope, self.filters, relu=False)
