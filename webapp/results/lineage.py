"""Where a measured cell comes from and what came of it: the trials it was made from, and those made from it."""

from dataclasses import dataclass

from django.db.models import Q

from nas_engine.cell import Cell
from webapp.models import PolicyUpdate, Trial
from webapp.results.similar import changes_in_words
from webapp.templatetags.cells import cells_of

GENERATIONS, CHILDREN, UPDATES = 6, 12, 200
KNOWN = ("number", "state", "epoch", "valid_accuracy", "info", "cell", "search", "cell__cells", "cell__name")


@dataclass(frozen=True)
class Member:
    """A trial of the family, what was changed in its parent to make it, in words, and how much that gained."""

    trial: Trial
    changes: list[str]
    gain: float | None


@dataclass(frozen=True)
class Family:
    """``ancestors`` oldest first, each the parent of the next; ``others`` are second parents of the cell itself;
    ``children`` the most accurate first, ``more`` of them not listed."""

    ancestors: list[Member]
    others: list[Member]
    own: Member
    children: list[Member]
    more: int


def family_of(measured: Trial) -> Family | None:
    """None where the cell has neither parents nor children in its search."""
    line, others = _line(measured)
    rows = _trials(measured).filter(_descends(measured.number)).order_by("-valid_accuracy", "number")
    children = list(rows[: CHILDREN + 1])
    if not line and not children:
        return None
    chain = [*line, measured]
    members = [_member(trial, parent) for parent, trial in zip([None, *chain], chain, strict=False)]
    return Family(
        members[:-1],
        [_member(trial, None) for trial in others],
        members[-1],
        [_member(child, measured) for child in children[:CHILDREN]],
        max(0, rows.count() - CHILDREN) if len(children) > CHILDREN else 0,
    )


def _trials(measured: Trial):
    return Trial.objects.filter(search=measured.search_id).select_related("cell").only(*KNOWN)


def _descends(number: int) -> Q:
    return Q(info__parent=number) | Q(info__parents__0=number) | Q(info__parents__1=number)


def parents_of(trial: Trial) -> list[int]:
    """Numbers of the trials it was made from."""
    info = trial.info or {}
    found = info.get("parents") or [info.get("parent")]
    return [number for number in found if isinstance(number, int)]


def _line(measured: Trial) -> tuple[list[Trial], list[Trial]]:
    """(first parents back to the oldest shown, oldest first; second parents of the cell)."""
    line, others, at = [], [], measured
    numbers = parents_of(measured)
    while numbers and len(line) < GENERATIONS:
        found = {trial.number: trial for trial in _trials(measured).filter(number__in=numbers)}
        at = found.get(numbers[0])
        if at is None or at in line:
            break
        if not line:
            others = [found[number] for number in numbers[1:] if number in found and number != at.number]
        line.append(at)
        numbers = parents_of(at)
    return line[::-1], others


def _member(trial: Trial, parent: Trial | None) -> Member:
    if parent is None:
        return Member(trial, [], None)
    pair = cells_of(parent.cell), cells_of(trial.cell)
    blocks = all(isinstance(cell, Cell) for cells in pair for cell in cells)
    known = None not in (trial.valid_accuracy, parent.valid_accuracy)
    return Member(
        trial,
        changes_in_words(*pair) if blocks else [],
        trial.valid_accuracy - parent.valid_accuracy if known else None,
    )


def controller_records(measured: Trial) -> list[tuple[int, dict]]:
    """(number, record) of the search's updates that report probabilities, evenly thinned; none for other strategies."""
    numbers = list(PolicyUpdate.objects.filter(search=measured.search_id).values_list("number", flat=True))
    step = max(1, -(-len(numbers) // UPDATES))
    wanted = numbers[::-step]
    rows = PolicyUpdate.objects.filter(search=measured.search_id, number__in=wanted).order_by("number")
    return [(row.number, row.record) for row in rows if row.record.get("probabilities")]
