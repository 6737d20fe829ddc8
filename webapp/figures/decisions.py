"""What a policy thinks of decisions that are no operations: one column a part of the network, one row an option."""

from collections.abc import Mapping, Sequence

from nas_engine.architecture import GIVEN, Choice
from webapp.figures.base import figure, hover_text

YES = ("no", "yes")  # of a decision between these two, one row is enough


def option_map(record: Mapping, choices: Sequence[Choice]) -> dict | None:
    """Probability of each option in every decision; the decision's own name ("kernel" of "block 3.kernel") leads its rows.
    None if the record has no probabilities, or the decisions do not belong to parts."""
    reported = record.get("probabilities", {})
    known = [choice for choice in choices if choice.name in reported and "." in choice.name and choice.kind != GIVEN]
    columns = list(dict.fromkeys(_part(choice) for choice in known))
    rows = list(dict.fromkeys(row for choice in known for row in _rows(choice)))
    if not rows:
        return None
    table: dict[tuple[str, str], dict[str, float]] = {row: {} for row in rows}
    for choice in known:
        taken = dict(zip(choice.options, record["probabilities"][choice.name], strict=True))
        for row in _rows(choice):
            table[row][_part(choice)] = taken[row[1]]
    values = [[table[row].get(column) for column in columns] for row in reversed(rows)]
    hover = [
        [_hover(row, column, value) for column, value in zip(columns, line, strict=True)]
        for row, line in zip(reversed(rows), values, strict=True)
    ]
    marks = {
        "type": "heatmap", "x": list(range(len(columns))), "y": list(range(len(rows))), "z": values, "zmin": 0, "zmax": 1,
        "colorscale": [[0, "var:--accent/0"], [1, "var:--accent"]], "showscale": False, "xgap": 1, "ygap": 1,
        "hoverinfo": "text", "hovertext": hover, "hoverongaps": False,
    }  # fmt: skip
    return figure(
        [marks],
        label=f"Probability of each option in {len(known)} decisions of the controller",
        height=20 * len(rows) + 44,
        left=112,
        bottom=4,
        dragmode=False,
        margin={"l": 112, "r": 4, "t": 40, "b": 4, "pad": 0},
        xaxis={"tickmode": "array", "tickvals": list(range(len(columns))), "ticktext": columns, "side": "top",
               "showline": False, "fixedrange": True, "range": [-0.5, len(columns) - 0.5]},
        yaxis={"tickmode": "array", "tickvals": list(range(len(rows))),
               "ticktext": [f"{_name(row)}\u00a0\u00a0" for row in reversed(rows)],
               "showgrid": False, "fixedrange": True, "range": [-0.5, len(rows) - 0.5]},
    )  # fmt: skip


def _part(choice: Choice) -> str:
    return choice.name.rpartition(".")[0]


def _rows(choice: Choice) -> list[tuple[str, str]]:
    decision = choice.name.rpartition(".")[2]
    return [(decision, option) for option in (YES[1:] if choice.options == YES else choice.options)]


def _name(row: tuple[str, str]) -> str:
    decision, option = row
    return decision if option == "yes" else f"{decision} {option}"


def _hover(row: tuple[str, str], column: str, value: float | None) -> str:
    return "" if value is None else hover_text(f"{_name(row)} {100 * value:.0f}\u00a0%", column)
