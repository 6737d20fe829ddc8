"""What a leaderboard address says: which protocol, which cells of it, in what order. A plain GET form writes it."""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from nas_engine import catalog
from nas_engine.operations import FAMILIES, GRAPH_OPERATIONS, OPERATIONS

COLUMNS = ("accuracy", "seeds", "macs", "params", "latency", "seconds", "trial", "cell")  # what rows can be sorted by
RANGES = {"acc": ("Accuracy", "%"), "macs": ("MACs", "M"), "params": ("Parameters", "M"), "lat": ("Latency", "ms")}
COSTS = ("macs", "params", "latency")  # what the plot sets accuracy against
SIZES = (25, 50, 100, 200)
# Columns that a reader may hide or add, in their order; the cell and its accuracy are always there.
OPTIONAL = {
    "diagram": "Diagram",
    "seeds": "Mean ± std over seeds",
    "full": "Full training",
    "macs": "MACs",
    "params": "Parameters",
    "latency": "Latency",
    "seconds": "Training time",
    "device": "Device",
    "trial": "Found by",
}
VIEWS = {"table": "Table", "parallel": "Parallel coordinates", "positions": "Operations by position"}
AXES = {
    "families": "Operation families",
    "normal": "Normal cell’s operations",
    "reduction": "Reduction cell’s operations",
}
DEFAULT = {
    "axes": "families",
    "sort": "-accuracy",
    "rows": "25",
    "page": "1",
    "cost": "macs",
    "view": "table",
    "cols": "diagram,seeds,macs,params,latency,trial",
}


@dataclass(frozen=True)
class Words:
    """The find field taken apart: cells that hold all of ``operations`` (each a set, any of which will do) and bear all
    ``tags``, whose hash begins with one of ``prefixes`` and whose name, or search's name, holds every one of ``names``."""

    tags: tuple[str, ...] = ()
    operations: tuple[tuple[str, ...], ...] = ()
    prefixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class BoardFilters:
    """A checked address. ``problems`` names what was left out, by field; ``given`` is what the reader typed."""

    given: Mapping[str, str]
    words: Words = Words()
    dataset: str = ""
    protocol: str = ""
    strategy: str = ""
    bounds: Mapping[str, float] = field(default_factory=dict)
    sort: str = DEFAULT["sort"]
    rows: int = int(DEFAULT["rows"])
    page: int = int(DEFAULT["page"])
    cost: str = DEFAULT["cost"]
    view: str = DEFAULT["view"]
    axes: str = DEFAULT["axes"]
    columns: tuple[str, ...] = tuple(DEFAULT["cols"].split(","))
    starred: bool = False
    cells: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)

    def query(self, **changes: object) -> str:
        """The address's query with some fields changed (None removes one), defaults left out. Any change but of the page
        goes back to the first page."""
        fields = {**self.given, **{name: "" if value is None else str(value) for name, value in changes.items()}}
        if changes and "page" not in changes:
            fields.pop("page", None)
        return urlencode({name: value for name, value in fields.items() if value and value != DEFAULT.get(name)})

    def shown(self, several_seeds: bool) -> tuple[str, ...]:
        """The columns; without other seeds to show the mean over them stays away unless it was asked for."""
        asked = several_seeds or "cols" in self.given
        return tuple(name for name in self.columns if name != "seeds" or asked)

    def chips(self) -> list[tuple[str, str]]:
        """(what a filter says, the query without it) for every filter in force, the protocol apart."""
        chips = []
        if self.dataset:
            chips.append((f"data set {self.dataset}", self.query(dataset=None)))
        if self.strategy:
            chips.append((f"found by {catalog.STRATEGIES[self.strategy].label}", self.query(strategy=None)))
        if self.starred:
            chips.append(("starred", self.query(starred=None)))
        if self.words != Words():
            chips.append((self.given["q"], self.query(q=None)))
        for name, (label, unit) in RANGES.items():
            for end, word in (("min", "from"), ("max", "up to")):
                at = f"{name}_{end}"
                if at in self.bounds:
                    chips.append((f"{label} {word} {self.bounds[at]:g}\u00a0{unit}", self.query(**{at: None})))
        return chips

    @property
    def cleared(self) -> str:
        """The query without any filter; protocol and order stay."""
        names = ["q", "dataset", "strategy", "starred", *(f"{name}_{end}" for name in RANGES for end in ("min", "max"))]
        return self.query(**dict.fromkeys(names))


def read_filters(data: Mapping[str, str]) -> BoardFilters:
    """Check an address. What is wrong is reported in ``problems`` and otherwise ignored."""
    names = ["q", "dataset", "protocol", "strategy", "starred", "sort", "rows", "page", "cost", "view", "axes", "cols"]
    names += [f"{name}_{end}" for name in RANGES for end in ("min", "max")]
    given = {name: data.get(name, "").strip()[:200] for name in names if data.get(name, "").strip()}
    problems: dict[str, str] = {}
    words = _words(given.get("q", ""), problems)
    bounds = _bounds(given, problems)
    sort = given.get("sort", "")
    strategy = given.get("strategy", "")
    chosen = _several(data, "col")
    if chosen:  # the form of columns sends each by itself
        given["cols"] = ",".join(name for name in OPTIONAL if name in chosen)
    columns = tuple(name for name in OPTIONAL if name in given.get("cols", DEFAULT["cols"]).split(","))
    return BoardFilters(
        given=given,
        words=words,
        dataset=given.get("dataset", ""),
        protocol=given.get("protocol", ""),
        strategy=strategy if strategy in catalog.STRATEGIES else "",
        bounds=bounds,
        sort=sort if sort.removeprefix("-") in COLUMNS else DEFAULT["sort"],
        rows=_whole(given.get("rows"), SIZES[0], allowed=SIZES),
        page=_whole(given.get("page"), 1),
        cost=_one_of(given.get("cost"), COSTS, DEFAULT["cost"]),
        view=_one_of(given.get("view"), VIEWS, DEFAULT["view"]),
        axes=_one_of(given.get("axes"), AXES, DEFAULT["axes"]),
        columns=columns,
        starred=given.get("starred") == "1",
        cells=tuple(key for key in _several(data, "cell") if re.fullmatch(r"[0-9a-f]{64}", key)),
        problems=problems,
    )


def _several(data: Mapping[str, str], name: str) -> list[str]:
    """All values of a field that may be given several times."""
    return data.getlist(name) if hasattr(data, "getlist") else []


def _one_of(text: str | None, known: Collection[str], default: str) -> str:
    return text if text in known else default


def _whole(text: str | None, default: int, allowed: tuple[int, ...] | None = None) -> int:
    if not text or not re.fullmatch(r"[0-9]{1,7}", text):
        return default
    number = int(text)
    return number if number >= 1 and (allowed is None or number in allowed) else default


def _bounds(given: Mapping[str, str], problems: dict[str, str]) -> dict[str, float]:
    bounds = {}
    for name in RANGES:
        for end in ("min", "max"):
            text = given.get(f"{name}_{end}")
            if text is None:
                continue
            try:
                value = float(text.replace(",", "."))
            except ValueError:
                value = math.nan
            if math.isfinite(value):
                bounds[f"{name}_{end}"] = value
            else:
                problems[f"{name}_{end}"] = f"{text} is not a number."
        low, high = bounds.get(f"{name}_min"), bounds.get(f"{name}_max")
        if low is not None and high is not None and low > high:
            problems[f"{name}_max"] = f"No cell lies from {low:g} up to {high:g}."
    return bounds


def _words(text: str, problems: dict[str, str]) -> Words:
    known = OPERATIONS | GRAPH_OPERATIONS
    tags, operations, prefixes, names = [], [], [], []
    for word in text.split():
        if word.lower().startswith("tag:"):
            tags.append(word[4:])
        elif word.lower().startswith("op:"):
            wanted = word[3:].lower()
            if wanted in FAMILIES:
                operations.append(tuple(name for name, row in known.items() if row.family == wanted))
            elif wanted in known:
                operations.append((wanted,))
            else:
                problems["q"] = f"{word[3:]} is not an operation. Write op:sep_conv_5x5, or a family: op:sep."
        elif re.fullmatch(r"[0-9a-f]{3,64}", word.lower()):
            prefixes.append(word.lower())
        else:
            names.append(word)
    return Words(tuple(tags), tuple(operations), tuple(prefixes), tuple(names))
