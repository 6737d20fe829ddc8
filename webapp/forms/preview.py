"""What a half-filled form already tells: the size of its space, a cell out of it, and what such cells cost.

Everything is computed from the parts that are valid so far, without torch, and kept for the next keystroke.
"""

import random
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import log10, prod

from nas_engine import catalog
from nas_engine.blueprint import build_blueprint
from nas_engine.cell import Block, Cell
from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.evaluators.tabular import TabularEvaluator
from nas_engine.graph_cell import AnyCell
from nas_engine.operations import OPERATIONS
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_config import skeleton_fields
from nas_engine.search_spaces.base import SearchSpace
from webapp.forms.search import SearchForm

SAMPLES = 200
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Cost:
    params: int
    macs: int


@dataclass(frozen=True)
class Frame:
    """What turns cells into a network: everything a cost depends on apart from the cells."""

    skeleton: SkeletonConfig
    image_shape: tuple[int, int, int]
    classes: int

    def cost(self, cells: tuple[AnyCell, ...]) -> Cost:
        blueprint = build_blueprint(cells, self.skeleton, self.image_shape, self.classes)
        return Cost(blueprint.params, blueprint.macs)


class Preview:
    """The side panel of a form. ``draw`` numbers the sample cell shown; the same number gives the same cell."""

    def __init__(self, form: SearchForm, draw: int = 0):
        self.form, self.draw = form, draw

    def _settled(self, prefix: str) -> bool:
        """Whether nothing is wrong with the inputs under a prefix."""
        return not any(name.startswith(prefix) for name in self._problems)

    @cached_property
    def _problems(self) -> dict[str, str]:
        self.form.config  # noqa: B018 (finds the problems)
        return self.form.problems

    @cached_property
    def space(self) -> SearchSpace | None:
        """None while its settings are not settled."""
        if self.form.of_table:
            return self.table.space if self.table else None
        name = self.form.chosen("space")
        if not self._settled("space"):
            return None
        return _space(name, read(catalog.SPACES[name].config_class(), self.form.data["space_config"]))

    @cached_property
    def table(self) -> TabularEvaluator | None:
        """The table that is searched, once its settings are settled."""
        if not self.form.of_table or not self.form.config:
            return None
        return self.form.config.open_table()

    @property
    def look_up_seconds(self) -> float | None:
        """Simulated training time of a look-up, mean of the table; None where it does not say."""
        if self.table is None or self.table.columns.seconds is None:
            return None
        return self.table.mean_seconds

    @cached_property
    def frame(self) -> Frame | None:
        """None while the data set or the child network's shape is not settled."""
        dataset = self.form.dataset
        if dataset is None or not self._settled("skeleton."):
            return None
        skeleton = read(SkeletonConfig, self.form.data.get("skeleton", {})).only(
            skeleton_fields(self.form.chosen("space"))
        )
        return Frame(skeleton, dataset.image_shape, len(dataset.classes))

    @property
    def whole(self) -> bool:
        """Whether the cells are a whole network, one after another, rather than stacked."""
        return self.space.family != "nasnet"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of cell the space decides on, in order: ("normal", "reduction") or ("normal",)."""
        return tuple(dict.fromkeys(cell.kind for cell in self.cells))

    @property
    def size_of_one(self) -> str:
        """How many sequences of decisions make one cell; equal cells are counted apiece."""
        if len(self.kinds) == 1:
            return self.size_of_all
        first = self.kinds[0]
        return scientific(prod(len(c.options) for c in self.space.choices if c.name.split(".")[0] == first))

    @property
    def size_of_all(self) -> str:
        return scientific(self.space.size())

    @cached_property
    def cells(self) -> tuple[AnyCell, ...]:
        return _sample(self.space, self.draw)

    @cached_property
    def cost(self) -> Cost | None:
        if self.table:
            return _of_table(self.table, self.draw)
        return self.frame.cost(self.cells) if self.costs else None

    @cached_property
    def costs(self) -> tuple[Cost, ...]:
        """Of :data:`SAMPLES` cells drawn from the space; none while there is no network to build from them."""
        if self.table:
            found = (_of_table(self.table, number) for number in range(SAMPLES))
            return tuple(cost for cost in found if cost.macs)
        try:
            return _costs(self.space, self.frame) if self.space and self.frame else ()
        except ConfigError:  # images too small for the skeleton
            return ()

    @property
    def heavier_than(self) -> int:
        """Share of the samples that need fewer MACs than the cell shown, in percent."""
        return round(100 * sum(cost.macs < self.cost.macs for cost in self.costs) / len(self.costs))

    @property
    def mean_macs(self) -> float:
        return sum(cost.macs for cost in self.costs) / len(self.costs)

    @property
    def kept_weights(self) -> int | None:
        """How many trials' weights will be kept; None while that is not settled."""
        if not self._settled("budget."):
            return None
        return min(int(self.form.data["budget"][name]) for name in ("keep_weights", "trials"))

    @property
    def weights_bytes(self) -> float | None:
        """What they will take: parameters in float32."""
        if self.kept_weights is None or not self.costs or self.table:
            return None
        return 4 * self.kept_weights * sum(cost.params for cost in self.costs) / len(self.costs)

    @property
    def operation_macs(self) -> dict[str, int]:
        """Operation -> MACs in a normal cell of the first stage; empty while the network's shape is not settled."""
        try:
            return _operation_macs(self.frame) if self.frame and self.space and not self.whole else {}
        except ConfigError:
            return {}


def scientific(number: int) -> str:
    """5.6 × 10¹⁴; whole below a million."""
    if number < 1_000_000:
        return f"{number:,}".replace(",", "\u202f")
    exponent = len(str(number)) - 1
    lead = 10 ** (log10(number) - exponent)
    if round(lead, 1) >= 10:
        lead, exponent = 1.0, exponent + 1
    return f"{lead:.1f}\u00a0×\u00a010{str(exponent).translate(SUPERSCRIPT)}"


@lru_cache(maxsize=64)
def _space(name: str, config: object) -> SearchSpace:
    return catalog.SPACES[name].build(config)


def _of_table(table: TabularEvaluator, number: int) -> Cost:
    """The cost that the table gives for a sample, whether its accuracy was measured or not."""
    return Cost(*table.costs(table.space.sample(random.Random(f"preview/{number}"))))


def _sample(space: SearchSpace, number: int) -> tuple[AnyCell, ...]:
    return space.cells(space.sample(random.Random(f"preview/{number}")))


@lru_cache(maxsize=64)
def _costs(space: SearchSpace, frame: Frame) -> tuple[Cost, ...]:
    return tuple(frame.cost(_sample(space, number)) for number in range(SAMPLES))


@lru_cache(maxsize=64)
def _operation_macs(frame: Frame) -> dict[str, int]:
    """Measured in one cell that holds every operation once, each on the newer input."""
    names = list(OPERATIONS)
    names += names[:1] * (len(names) % 2)
    pairs = list(zip(names[::2], names[1::2], strict=True))
    blocks = tuple(Block(1, left, 1, right) for left, right in pairs)
    states = tuple(range(2, len(blocks) + 2))
    cells = (Cell("normal", blocks, states), Cell("reduction", blocks, states))
    blueprint = build_blueprint(cells, frame.skeleton, frame.image_shape, frame.classes)
    first = next(place for place in blueprint.placements if place.kind == "normal")
    found = {}
    for number, (left, right) in enumerate(pairs, start=1):
        found[left], found[right] = first.nodes[f"b{number}l"].macs, first.nodes[f"b{number}r"].macs
    return found
