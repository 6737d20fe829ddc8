"""Which operation stands at which place, in the best cells and in all."""

import math
from collections import Counter
from collections.abc import Sequence

from nas_engine.architecture import Choice
from nas_engine.operations import OPERATIONS
from webapp.figures.base import thin
from webapp.models import CellRecord
from webapp.results.ranking import BEST, FEWEST, SAMPLE, Match, Ranking

Shares = dict[str, list[float]]


def operation_places(ranked: Ranking) -> tuple[list[Choice], Shares, Shares] | None:
    """(places, shares among the best 5 %, shares among all): at each place, how often each of its options stands there.

    A place is a decision of NASNet's blocks, "normal.1.left_operation". None where there are too few cells, or none made
    of blocks. Counted are at most :data:`SAMPLE` cells of each group, evenly spread.
    """
    if len(ranked) < FEWEST:
        return None
    best = _count(thin(ranked[: math.ceil(len(ranked) * BEST)], SAMPLE))
    everything = _count(thin(ranked, SAMPLE))
    used = {name for counts in everything.values() for name in counts} | {n for c in best.values() for n in c}
    options = tuple(name for name in OPERATIONS if name in used)
    places = [Choice(name, options) for name in sorted(everything, key=_order)]
    if not places:
        return None
    return places, _shares(places, best), _shares(places, everything)


def _count(matches: Sequence[Match]) -> dict[str, Counter]:
    counts: dict[str, Counter] = {}
    rows = CellRecord.objects.filter(pk__in=[match.cell for match in matches]).values_list("cells", flat=True)
    for cells in rows:
        for cell in cells:
            for number, block in enumerate(cell.get("blocks", ()), start=1):
                for side, name in (("left", block[1]), ("right", block[3])):
                    counts.setdefault(f"{cell['kind']}.{number}.{side}_operation", Counter())[name] += 1
    return counts


def _shares(places: Sequence[Choice], counts: dict[str, Counter]) -> Shares:
    return {
        place.name: [counts.get(place.name, Counter())[name] / max(counts.get(place.name, Counter()).total(), 1)
                     for name in place.options]
        for place in places
    }  # fmt: skip


def _order(place: str) -> tuple[str, int, str]:
    kind, block, side = place.split(".")
    return kind, int(block), side
