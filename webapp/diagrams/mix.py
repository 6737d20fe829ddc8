"""The share of each operation family over a cell's, or several cells', operations."""

from collections import Counter
from collections.abc import Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from nas_engine.cell import Cell
from nas_engine.graph_cell import GraphCell
from nas_engine.operations import FAMILIES, drawn


def families(cells: Iterable[Cell | GraphCell]) -> Counter:
    """How many operations of each family the cells hold."""
    return Counter(drawn(node.operation).family for cell in cells for node in cell.nodes if node.kind == "op")


def describe_mix(cells: Iterable[Cell | GraphCell]) -> str:
    """ "4 separable convolution, 2 identity", the most frequent first."""
    return ", ".join(f"{count} {FAMILIES[family]}" for family, count in _ordered(families(cells)))


def mix_bar(cells: Iterable[Cell | GraphCell]) -> SafeString:
    """A bar of the families' shares, as wide as its place: ``<svg class="mix">``."""
    cells = tuple(cells)
    counts = families(cells)
    total, parts, start = max(sum(counts.values()), 1), [], 0.0
    for family, count in _ordered(counts):
        share = 100 * count / total
        parts.append((family, f"{start:.4g}", f"{share:.4g}"))
        start += share
    bars = format_html_join("", '<rect class="op-{}" x="{}%" width="{}%" height="6"/>', parts)
    return format_html('<svg class="mix" role="img" aria-label="{}">{}</svg>', describe_mix(cells), bars)


def _ordered(counts: Counter) -> list[tuple[str, int]]:
    order = list(FAMILIES)
    return sorted(counts.items(), key=lambda item: (-item[1], order.index(item[0])))
