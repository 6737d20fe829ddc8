"""A cell as text, in every notation that can say it, laid out to be read."""

import json
import re
from collections.abc import Callable, Sequence

from nas_engine import graph_notation, notation
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import AnyCell

Written = tuple[str, str, str, str]


def notations_of(cells: Sequence[AnyCell]) -> list[Written]:
    """(name, label, text, why there is none) of the notations that are made for such cells."""
    ways = _STACKED if cells[0].family else _BENCHMARKS
    return [_written(name, label, write, cells) for name, label, write in ways]


def _written(name: str, label: str, write: Callable[[Sequence[AnyCell]], str], cells: Sequence[AnyCell]) -> Written:
    try:
        return name, label, write(cells), ""
    except ConfigError as error:
        return name, label, "", str(error)


def _darts_in_lines(cells: Sequence[AnyCell]) -> str:
    """The genotype as one would type it: a field a line, a block a line."""
    text = notation.to_darts(cells)
    text = re.sub(
        r"(\(|, )((?:normal|reduce)(?:_concat)?=)", lambda found: f"{found[1].rstrip()}\n    {found[2]}", text
    )
    lines = []
    for line in text.split("\n"):
        indent = ",\n" + " " * (line.find("[") + 1)
        pairs = re.split(r"(?<=\)), ", line)
        lines.append(indent.join(", ".join(pairs[at : at + 2]) for at in range(0, len(pairs), 2)))
    return "\n".join(lines)


def _json_in_lines(cells: Sequence[AnyCell]) -> str:
    """The JSON that the genotype is read from, a block a line."""
    parts = []
    for each in cells:
        head, *blocks = json.dumps(each.as_json()).split("[[")
        parts.append(f"{head}[\n    [" + "[[".join(blocks).replace("], [", "],\n    ["))
    return "[\n  " + ",\n  ".join(parts) + "\n]"


_STACKED = (
    ("darts", "DARTS", _darts_in_lines),
    ("nasnet", "NASNet lists", notation.to_nasnet),
    ("json", "JSON", _json_in_lines),
)
_BENCHMARKS = (
    ("nas-bench-201", "NAS-Bench-201", graph_notation.to_201),
    ("nas-bench-101", "NAS-Bench-101", graph_notation.to_101),
    ("json", "JSON", _json_in_lines),
)
