"""Exact canonical form of a small labelled directed graph: equal if and only if two graphs are isomorphic.

Colour refinement splits the nodes as far as neighbourhoods can; where nodes still look alike, each of them is singled out
in turn and the smallest outcome is kept. Cells have a dozen nodes, so exactness is cheap.
"""

from collections import defaultdict

Edge = tuple[int, int, str]


def canonical_form(labels: list[str], edges: list[Edge]) -> tuple:
    """The canonical (labels, edges) of the graph with node ``labels`` and labelled ``edges`` (source, target, label).

    Parallel edges and equal edge labels are allowed. The result is a nested tuple of strings and ints, fit for hashing.
    """
    before, after = defaultdict(list), defaultdict(list)
    for source, target, label in edges:
        before[target].append((source, label))
        after[source].append((target, label))
    ranks = _ranked(list(labels))
    return _smallest(labels, edges, before, after, _refine(ranks, before, after))


def _ranked(signatures: list) -> list[int]:
    order = {signature: rank for rank, signature in enumerate(sorted(set(signatures)))}
    return [order[signature] for signature in signatures]


def _refine(ranks: list[int], before: dict, after: dict) -> list[int]:
    while True:
        finer = _ranked(
            [
                (
                    rank,
                    tuple(sorted((ranks[other], label) for other, label in before[node])),
                    tuple(sorted((ranks[other], label) for other, label in after[node])),
                )
                for node, rank in enumerate(ranks)
            ]
        )
        if max(finer, default=0) == max(ranks, default=0):
            return finer
        ranks = finer


def _smallest(labels: list[str], edges: list[Edge], before: dict, after: dict, ranks: list[int]) -> tuple:
    classes = defaultdict(list)
    for node, rank in enumerate(ranks):
        classes[rank].append(node)
    tied = next((classes[rank] for rank in sorted(classes) if len(classes[rank]) > 1), None)
    if tied is None:
        order = sorted(range(len(ranks)), key=ranks.__getitem__)
        return (
            tuple(labels[node] for node in order),
            tuple(sorted((ranks[source], ranks[target], label) for source, target, label in edges)),
        )
    # Twins have the very same neighbours: exchanging them changes nothing, so one of them stands for all.
    candidates = {(tuple(sorted(before[node])), tuple(sorted(after[node]))): node for node in tied}
    return min(
        _smallest(labels, edges, before, after, _refine(_single_out(ranks, node), before, after))
        for node in candidates.values()
    )


def _single_out(ranks: list[int], chosen: int) -> list[int]:
    return _ranked([(rank, node != chosen) for node, rank in enumerate(ranks)])
