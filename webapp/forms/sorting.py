"""Tables sorted by a click on a head: an order is a column's name, with "-" before it when it falls."""


def head_of(sort: str, column: str, first: str) -> tuple[str, str]:
    """(aria-sort of the head, the order that a click on it asks for) in a table in order ``sort``. The first click asks for
    ``first``, a second one turns the order around."""
    if sort.removeprefix("-") != column:
        return "", first
    return ("descending", column) if sort.startswith("-") else ("ascending", f"-{column}")
