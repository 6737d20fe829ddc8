"""A whole network being edited: the decisions of the space it came from, one by one, and what each change costs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from nas_engine.architecture import GIVEN, Architecture
from nas_engine.blueprint import Blueprint
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell
from nas_engine.search_config import SearchConfig
from nas_engine.search_spaces.base import SearchSpace
from webapp.models import CellRecord, Search, Trial
from webapp.results.cell import blueprint
from webapp.results.editing import AgainstOrigin, one_trial, trained
from webapp.results.reference import record_of

NEAR = 8  # measured networks listed
LOOKED_THROUGH = 4_000  # of the search, the most accurate first


@dataclass(frozen=True)
class Decided(AgainstOrigin):
    """An architecture of a search's space and the network it is. ``origin`` is what it was edited from, ``base`` that one's
    network. ``measured`` is the trial that trained it under the search's protocol; ``broken`` says which limit it breaks."""

    search: Search
    space: SearchSpace
    architecture: Architecture
    cells: tuple[GraphCell, ...]
    record: CellRecord
    network: Blueprint
    origin: Architecture
    base: Blueprint
    measured: Trial | None
    broken: str

    @property
    def changed(self) -> int:
        """How many decisions differ from the origin's."""
        return apart(self.architecture.choices, self.origin.choices)

    @property
    def repairs(self) -> tuple[str, ...]:
        """What the space's rules add where the decisions leave the network open."""
        return self.space.repairs(self.architecture)

    @property
    def unreachable(self) -> str:
        """Why the search's own space would not propose it as it stands, "" where it would."""
        if self.space.fitted(self.architecture, 0) != self.architecture:
            return "This space grows: its first trials are less deep than this network. Train it fully instead."
        return ""


def edited(space: SearchSpace, architecture: Architecture, edits: Iterable[str]) -> Architecture:
    """After edits "7=2": decision 7 takes its option 2, both counted from 0. Raises ConfigError for one there is not."""
    choices = list(architecture.choices)
    for edit in edits:
        at, equals, option = edit.partition("=")
        if not (equals and at.isdecimal() and option.isdecimal() and int(at) < len(choices)):
            raise ConfigError(f"{edit!r} is no edit of this network.", "set")
        choices[int(at)] = int(option)
    made = replace(architecture, choices=tuple(choices))
    space.check(made)
    return made


def judge(search: Search, config: SearchConfig, architecture: Architecture, origin: Architecture) -> Decided:
    """Raises ConfigError where no network can be built from it."""
    space = config.build_space()
    data = search.dataset
    where = config.skeleton, data.image_shape, len(data.classes)
    cells = space.cells(architecture)
    record, network = record_of(cells), blueprint(cells, *where)
    broken = config.limits.broken_by(network.params, network.macs)
    return Decided(
        search, space, architecture, cells, record, network, origin, blueprint(space.cells(origin), *where),
        trained(record, search), broken.reason if broken else "",
    )  # fmt: skip


def training_config(found: Decided) -> dict:
    """The search that trains exactly this network, under the same protocol."""
    name = f"Network {found.record.short}, edited"
    return one_trial(found.search, name, strategy_config={"only": found.architecture.line})


def table(found: Decided) -> list[dict]:
    """The decisions in the space's order, those of one part together: what each may take, and whether it has a say now."""
    groups: dict[str, dict] = {}
    matters = found.space.matters(found.architecture)
    rows = zip(found.space.choices, found.architecture.choices, found.origin.choices, matters, strict=True)
    for at, (choice, taken, before, counts) in enumerate(rows):
        if choice.kind == GIVEN:
            continue
        part, _, name = choice.name.rpartition(".")
        part = part or name
        group = groups.setdefault(part, {"name": part.replace(".", " "), "id": group_id(part), "rows": []})
        options = [(index, words(option)) for index, option in enumerate(choice.options)]
        row = {
            "at": at, "name": words(name), "options": options, "taken": taken, "matters": counts,
            "changed": taken != before, "was": words(choice.options[before]),
        }  # fmt: skip
        group["rows"].append(row)
    return list(groups.values())


def group_id(part: str) -> str:
    return "part-" + "".join(letter if letter.isalnum() else "-" for letter in part)


def words(name: str) -> str:
    return name.replace("_", " ")


def groups_of_nodes(found: Decided) -> dict[str, dict[str, str]]:
    """{kind: {node: the id of the group of decisions it is about}}. Where the decisions are about no single node, as a
    generator's are, every node leads to the first of them."""
    parts = {choice.name.rpartition(".")[0] for choice in found.space.choices}
    bare = {part.replace(" ", "").replace(".", ""): group_id(part) for part in parts if part}
    made = {}
    for cell in found.cells:
        own = group_id(cell.kind) if cell.kind in parts else ""
        made[cell.kind] = {node.id: bare.get(found.space.part_of(node.id)) or own for node in cell.nodes}
    if any(group for nodes in made.values() for group in nodes.values()):
        return made
    first = group_id(found.space.choices[0].name)
    return {kind: dict.fromkeys(nodes, first) for kind, nodes in made.items()}


def near(found: Decided) -> list[tuple[int, Trial]]:
    """(decisions apart, trial): the search's measured networks that the fewest changes lead to, nearest first."""
    trials = found.search.trials.filter(state=Trial.State.FINISHED).exclude(cell=found.record.key)
    rows = trials.order_by("-valid_accuracy", "number").values_list("pk", "choices")[:LOOKED_THROUGH]
    close = sorted((apart(found.architecture.choices, choices), place, pk) for place, (pk, choices) in enumerate(rows))
    named = Trial.objects.select_related("cell").defer("curve").in_bulk([pk for _, _, pk in close[:NEAR]])
    return [(distance, named[pk]) for distance, _, pk in close[:NEAR]]


def apart(one: Iterable[int], other: Iterable[int]) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))
