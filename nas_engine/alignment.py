"""What two cells have in common and what it takes to turn one into the other: an exact alignment, whatever the order of
their blocks and operands.

A cell is a list of units: the blocks of a :class:`nas_engine.cell.Cell`, the nodes of a :class:`GraphCell`. Units of A are
matched to units of B, each at most once, so that the fewest decisions differ. A decision is an operation, an input or a
combination; an unmatched block counts all its five. It is a graph edit distance (Sanfeliu and Fu 1983) whose edits are a
search's own, found by depth-first branch and bound. Matches are kept to those whose union has no cycle, so that both cells
can be drawn in one picture.
"""

from collections import Counter
from dataclasses import dataclass

from nas_engine.cell import Block, Cell, unused_states
from nas_engine.graph_cell import GraphCell

BLOCK_DECISIONS = 5
# How long to search: steps times units squared, about a second, after which the best match so far is taken. Cells of eight
# blocks need less.
MOST_WORK = 20_000 * 12**2


@dataclass(frozen=True)
class Change:
    """One edit. ``kind``: operation, input, combination, concat, removed, added. ``a`` and ``b`` are the ids of the node it
    concerns in each cell ("" where it is missing), ``before`` and ``after`` what it says there: an operation, the id of an
    input, add or concat. ``weight`` is how many decisions it stands for; a stacked state that merely follows from the
    blocks stands for none."""

    kind: str
    a: str
    b: str
    before: str = ""
    after: str = ""
    weight: int = 1


@dataclass(frozen=True)
class Alignment:
    """``nodes`` maps node ids of A to those of B; ``changes`` lead from A to B. ``exact`` is False only where the cells were
    too large to search to the end."""

    nodes: dict[str, str]
    changes: tuple[Change, ...]
    exact: bool = True

    @property
    def distance(self) -> int:
        """How many decisions differ; 0 exactly for isomorphic cells."""
        return sum(change.weight for change in self.changes)


def align(a: Cell | GraphCell, b: Cell | GraphCell) -> Alignment:
    """Align two cells. Cells of different classes, or one given by blocks and one by its graph, are aligned as graphs."""
    if isinstance(a, Cell) and isinstance(b, Cell):
        return _BlockProblem(a, b).solve()
    return _GraphProblem(a, b).solve()


class _Problem:
    """Branch and bound over the units 0 .. n-1 of A, in topological order, so that where a unit's inputs went is known when
    it is placed. ``fixed`` inputs have negative numbers: -1, -2, ..., the same in both cells."""

    units: tuple[int, int]
    orders: tuple[list[set[int]], list[set[int]]]  # what each unit takes as input, in A and in B

    def solve(self) -> Alignment:
        count, other = self.units
        self.steps, self.most = 0, MOST_WORK // max(1, max(self.units)) ** 2
        self.best: tuple[tuple[int, int], list[int | None]] | None = None
        self.floor = [
            min([self.least(i, j) for j in range(other)] + [self.removal(i)], default=0) for i in range(count)
        ]
        self.after = [sum(self.floor[i:]) for i in range(count + 1)]
        self.cheapest = min((self.addition(j) for j in range(other)), default=0)
        self._place([], set(), (0, 0))
        return self.alignment(self.best[1], self.steps <= self.most)

    def _place(self, match: list[int | None], taken: set[int], cost: tuple[int, int]) -> None:
        count, other = self.units
        at = len(match)
        missing = max(0, (other - len(taken)) - (count - at)) * self.cheapest
        if self.best and (cost[0] + self.after[at] + missing, cost[1]) >= self.best[0]:
            return
        self.steps += 1
        if self.steps > self.most and self.best:
            return
        if at == count:
            rest = sum(self.addition(j) for j in range(other) if j not in taken)
            total = (cost[0] + rest + self.ending(match), cost[1])
            if self.best is None or total < self.best[0]:
                self.best = (total, list(match))
            return
        free = [(self.cost(at, j, match), abs(at - j), j) for j in range(other) if j not in taken]
        for step, shift, j in sorted(free):
            match.append(j)
            if self._drawable(match):
                self._place(match, taken | {j}, (cost[0] + step, cost[1] + shift))
            match.pop()
        self._place([*match, None], taken, (cost[0] + self.removal(at), cost[1]))

    def _drawable(self, match: list[int | None]) -> bool:
        """Whether the union of the matched units has no cycle: the newest one must not come before what it comes after."""
        newest = match[-1]
        reached, queue = set(), [("a", len(match) - 1)]
        back = {j: i for i, j in enumerate(match) if j is not None}
        while queue:
            cell, unit = queue.pop()
            for side, inputs in (("a", self.orders[0]), ("b", self.orders[1])):
                same = (
                    unit
                    if side == cell
                    else (match[unit] if unit < len(match) else None)
                    if cell == "a"
                    else back.get(unit)
                )
                if same is None:
                    continue
                for source in inputs[same]:
                    if source < 0:
                        continue
                    if (side == "b" and source == newest) or (side == "a" and source == len(match) - 1):
                        return False
                    if (side, source) not in reached:
                        reached.add((side, source))
                        queue.append((side, source))
        return True


class _BlockProblem(_Problem):
    def __init__(self, a: Cell, b: Cell):
        self.a, self.b = a, b
        self.units = len(a.blocks), len(b.blocks)
        self.orders = tuple([{block.left_input - 2, block.right_input - 2} for block in cell.blocks] for cell in (a, b))
        # Lists that follow the rule "all unused states" are no decisions: they change along with the blocks.
        self.ruled = all(set(cell.concat) == set(unused_states(cell.blocks)) for cell in (a, b))

    def removal(self, i: int) -> int:
        return BLOCK_DECISIONS

    addition = removal

    def least(self, i: int, j: int) -> int:
        """What the two blocks differ in wherever the states between them go."""
        one, two = self.a.blocks[i], self.b.blocks[j]
        ops = _missing(Counter(_operations(one)), Counter(_operations(two)))
        cells = [sorted(min(state, 2) for state in (block.left_input, block.right_input)) for block in (one, two)]
        return ops + _missing(Counter(cells[0]), Counter(cells[1])) + (one.combination != two.combination)

    def cost(self, i: int, j: int, match: list[int | None]) -> int:
        return self._sides(i, j, match)[0] + (self.a.blocks[i].combination != self.b.blocks[j].combination)

    def _sides(self, i: int, j: int, match: list[int | None]) -> tuple[int, bool]:
        """(decisions that differ, whether the operands are exchanged)."""
        one, two = self.a.blocks[i], self.b.blocks[j]
        left, right = (self._placed(state, match) for state in (one.left_input, one.right_input))
        straight = (
            (left != two.left_input)
            + (right != two.right_input)
            + (one.left_operation != two.left_operation)
            + (one.right_operation != two.right_operation)
        )
        crossed = (
            (left != two.right_input)
            + (right != two.left_input)
            + (one.left_operation != two.right_operation)
            + (one.right_operation != two.left_operation)
        )
        return min((straight, False), (crossed, True))

    @staticmethod
    def _placed(state: int, match: list[int | None]) -> int | None:
        """The state of B that a state of A was matched to."""
        if state < 2:
            return state
        other = match[state - 2]
        return None if other is None else other + 2

    def ending(self, match: list[int | None]) -> int:
        return 0 if self.ruled else len(self._restacked(match))

    def _restacked(self, match: list[int | None]) -> list[tuple[int | None, int | None]]:
        """(state of A, state of B) stacked in one of the cells only, matched states of both named."""
        places = {state: self._placed(state, match) for state in range(len(self.a.blocks) + 2)}
        changed = [(state, there) for state, there in places.items() if there is not None]
        changed = [(s, t) for s, t in changed if (s in self.a.concat) != (t in self.b.concat)]
        return changed

    def alignment(self, match: list[int | None], exact: bool) -> Alignment:
        nodes, changes = {"s0": "s0", "s1": "s1"}, []
        for i, j in enumerate(match):
            if j is None:
                changes.append(Change("removed", f"s{i + 2}", "", weight=BLOCK_DECISIONS))
            else:
                crossed = self._sides(i, j, match)[1]
                nodes |= _block_nodes(i, j, crossed)
                changes += _block_changes(i, j, crossed, self.a.blocks[i], self.b.blocks[j], match)
        added = sorted(set(range(len(self.b.blocks))) - set(match))
        changes += [Change("added", "", f"s{j + 2}", weight=BLOCK_DECISIONS) for j in added]
        for s, t in self._restacked(match):
            before, after = (f"s{s}", "") if s in self.a.concat else ("", f"s{t}")
            changes.append(Change("concat", "concat", "concat", before, after, weight=0 if self.ruled else 1))
        return Alignment(nodes | {"concat": "concat", "out": "out"}, tuple(changes), exact)


def _operations(block: Block) -> tuple[str, str]:
    return block.left_operation, block.right_operation


def _missing(one: Counter, two: Counter) -> int:
    """How many members of a multiset must be replaced, added or removed to make the other."""
    return max(one.total(), two.total()) - (one & two).total()


def _block_nodes(i: int, j: int, crossed: bool) -> dict[str, str]:
    left, right = ("r", "l") if crossed else ("l", "r")
    return {f"b{i + 1}l": f"b{j + 1}{left}", f"b{i + 1}r": f"b{j + 1}{right}", f"s{i + 2}": f"s{j + 2}"}


def _block_changes(i: int, j: int, crossed: bool, one: Block, two: Block, match: list[int | None]) -> list[Change]:
    left, right = ("r", "l") if crossed else ("l", "r")
    sides = {"l": (two.left_operation, two.left_input), "r": (two.right_operation, two.right_input)}
    changes = []
    for side, there, operation, state in (
        ("l", left, one.left_operation, one.left_input),
        ("r", right, one.right_operation, one.right_input),
    ):
        a, b, (other, source) = f"b{i + 1}{side}", f"b{j + 1}{there}", sides[there]
        if operation != other:
            changes.append(Change("operation", a, b, operation, other))
        if _BlockProblem._placed(state, match) != source:
            changes.append(Change("input", a, b, f"s{state}", f"s{source}"))
    if one.combination != two.combination:
        changes.append(Change("combination", f"s{i + 2}", f"s{j + 2}", one.combination, two.combination))
    return changes


class _GraphProblem(_Problem):
    """Units are all nodes but the inputs, which are matched by name, and the outputs, which are matched to each other."""

    def __init__(self, a: Cell | GraphCell, b: Cell | GraphCell):
        self.nodes = tuple([node for node in cell.nodes if node.kind not in ("input", "output")] for cell in (a, b))
        self.outputs = tuple(next(node for node in cell.nodes if node.kind == "output") for cell in (a, b))
        self.units = len(self.nodes[0]), len(self.nodes[1])
        inputs = {node.id for cell in (a, b) for node in cell.nodes if node.kind == "input"}
        fixed = {name: -1 - place for place, name in enumerate(sorted(inputs))}
        places = tuple({node.id: place for place, node in enumerate(nodes)} | fixed for nodes in self.nodes)
        self.inputs = tuple(
            [[place[name] for name in node.inputs] for node in nodes]
            for nodes, place in zip(self.nodes, places, strict=True)
        )
        self.ends = tuple([place[name] for name in out.inputs] for out, place in zip(self.outputs, places, strict=True))
        self.orders = tuple([set(each) for each in inputs] for inputs in self.inputs)
        self.names = tuple({place: name for name, place in places_.items()} for places_ in places)
        self.shared = {node.id for node in a.nodes if node.kind == "input"} & {
            node.id for node in b.nodes if node.kind == "input"
        }

    def removal(self, i: int) -> int:
        return 1 + len(self.inputs[0][i])

    def addition(self, j: int) -> int:
        return 1 + len(self.inputs[1][j])

    def least(self, i: int, j: int) -> int:
        one, two = (Counter(max(-3, min(0, at)) for at in self.inputs[cell][unit]) for cell, unit in ((0, i), (1, j)))
        return self._relabelled(i, j) + _missing(one, two)

    def _relabelled(self, i: int, j: int) -> bool:
        one, two = self.nodes[0][i], self.nodes[1][j]
        return (one.kind, one.operation) != (two.kind, two.operation)

    def cost(self, i: int, j: int, match: list[int | None]) -> int:
        return self._relabelled(i, j) + _missing(self._placed(self.inputs[0][i], match), Counter(self.inputs[1][j]))

    @staticmethod
    def _placed(inputs: list[int], match: list[int | None]) -> Counter:
        places = [at if at < 0 else match[at] for at in inputs]
        return Counter("lost" if place is None else place for place in places)

    def ending(self, match: list[int | None]) -> int:
        return _missing(self._placed(self.ends[0], match), Counter(self.ends[1]))

    def alignment(self, match: list[int | None], exact: bool) -> Alignment:
        nodes, changes = {name: name for name in sorted(self.shared)}, []
        for i, j in enumerate(match):
            one = self.nodes[0][i]
            if j is None:
                changes.append(Change("removed", one.id, "", weight=self.removal(i)))
                continue
            two = self.nodes[1][j]
            nodes[one.id] = two.id
            if self._relabelled(i, j):
                before, after = one.operation or one.kind, two.operation or two.kind
                changes.append(Change("operation", one.id, two.id, before, after))
            changes += self._rewired(one.id, two.id, self.inputs[0][i], self.inputs[1][j], match)
        for j in sorted(set(range(self.units[1])) - set(match)):
            changes.append(Change("added", "", self.nodes[1][j].id, weight=self.addition(j)))
        ends = tuple(out.id for out in self.outputs)
        nodes[ends[0]] = ends[1]
        changes += self._rewired(*ends, self.ends[0], self.ends[1], match)
        return Alignment(nodes, tuple(changes), exact)

    def _rewired(self, a: str, b: str, before: list[int], after: list[int], match: list[int | None]) -> list[Change]:
        """The inputs that differ, one of A paired with one of B as long as there are both."""
        wanted, lost = Counter(after), []
        for at in before:
            place = at if at < 0 else match[at]
            if place is not None and wanted[place] > 0:
                wanted[place] -= 1
            else:
                lost.append(self.names[0][at])
        new = [self.names[1][place] for place in wanted.elements()]
        size = max(len(lost), len(new))
        lost, new = lost + [""] * (size - len(lost)), new + [""] * (size - len(new))
        return [Change("input", a, b, one, two) for one, two in zip(lost, new, strict=True)]
