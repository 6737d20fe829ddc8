"""Exact canonical form of a small labelled directed graph: equal if and only if two graphs are isomorphic.

Colour refinement splits the nodes as far as neighbourhoods can. Nodes that are alone in their colour are done with; what
is left falls into parts that touch one another only through such nodes or not at all, so each part is put in order by
itself. Only inside a part whose nodes still look alike is each of them singled out in turn and the smallest outcome kept.
Cells of a dozen nodes and random graphs of dozens both take a few milliseconds at most.
"""

from collections import defaultdict

Edge = tuple[int, int, str]
Neighbours = dict[int, list[tuple[int, str]]]


def canonical_form(labels: list[str], edges: list[Edge]) -> tuple:
    """The canonical (labels, edges) of the graph with node ``labels`` and labelled ``edges`` (source, target, label).

    Parallel edges and equal edge labels are allowed. The result is a nested tuple of strings and ints, fit for hashing.
    """
    before, after = defaultdict(list), defaultdict(list)
    for source, target, label in edges:
        before[target].append((source, label))
        after[source].append((target, label))
    ranks = _ranked(dict(enumerate(labels)))
    order = _ordered(list(range(len(labels))), ranks, before, after)
    place = {node: position for position, node in enumerate(order)}
    return (
        tuple(labels[node] for node in order),
        tuple(sorted((place[source], place[target], label) for source, target, label in edges)),
    )


def _ranked(signatures: dict) -> dict[int, int]:
    order = {signature: rank for rank, signature in enumerate(sorted(set(signatures.values())))}
    return {node: order[signature] for node, signature in signatures.items()}


def _refine(ranks: dict[int, int], before: Neighbours, after: Neighbours) -> dict[int, int]:
    """Split colours by the colours of neighbours until nothing changes. Neighbours without a colour are left out."""
    while True:
        finer = _ranked(
            {
                node: (
                    rank,
                    tuple(sorted((ranks[other], label) for other, label in before[node] if other in ranks)),
                    tuple(sorted((ranks[other], label) for other, label in after[node] if other in ranks)),
                )
                for node, rank in ranks.items()
            }
        )
        if max(finer.values(), default=0) == max(ranks.values(), default=0):
            return finer
        ranks = finer


def _ordered(part: list[int], ranks: dict[int, int], before: Neighbours, after: Neighbours) -> list[int]:
    """The part's nodes in canonical order; their colours tell all that matters of the rest of the graph."""
    ranks = _refine({node: ranks[node] for node in part}, before, after)
    classes = defaultdict(list)
    for node, rank in ranks.items():
        classes[rank].append(node)
    left = {node: rank for node, rank in ranks.items() if len(classes[rank]) > 1}
    pieces = [_piece(nodes, left, before, after) for nodes in _pieces(left, before, after)]
    settled = [node for _, order in sorted(pieces, key=lambda piece: piece[0]) for node in order]
    return sorted([*(node for node in part if node not in left), *settled], key=ranks.__getitem__)


def _pieces(left: dict[int, int], before: Neighbours, after: Neighbours) -> list[list[int]]:
    """The connected parts of what is left."""
    unseen, found = set(left), []
    while unseen:
        front = [unseen.pop()]
        piece = list(front)
        while front:
            near = {other for node in front for other, _ in (*before[node], *after[node])} & unseen
            unseen -= near
            front = list(near)
            piece += front
        found.append(piece)
    return found


def _piece(nodes: list[int], ranks: dict[int, int], before: Neighbours, after: Neighbours) -> tuple[tuple, list[int]]:
    """(what the piece looks like, its nodes in canonical order): pieces that look alike can be exchanged."""
    classes = defaultdict(list)
    for node in nodes:
        classes[ranks[node]].append(node)
    tied = next((classes[rank] for rank in sorted(classes) if len(classes[rank]) > 1), None)
    inside = {node: ranks[node] for node in nodes}
    if tied is None:
        return _look(_ordered(nodes, inside, before, after), ranks, after)
    # Twins have the very same neighbours: exchanging them changes nothing, so one of them stands for all.
    candidates = {(tuple(sorted(before[node])), tuple(sorted(after[node]))): node for node in tied}
    return min(
        _look(_ordered(nodes, _ranked({n: (r, n != chosen) for n, r in inside.items()}), before, after), ranks, after)
        for chosen in candidates.values()
    )


def _look(order: list[int], ranks: dict[int, int], after: Neighbours) -> tuple[tuple, list[int]]:
    place = {node: position for position, node in enumerate(order)}
    edges = [(place[node], place[to], label) for node in order for to, label in after[node] if to in place]
    return (tuple(ranks[node] for node in order), tuple(sorted(edges))), order
