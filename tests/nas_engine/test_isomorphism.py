import itertools
import random

from nas_engine.isomorphism import canonical_form
from nas_engine.search_spaces.random_graphs import Generator


def brute_force(labels, edges) -> tuple:
    """The smallest relabelling over all orders of the nodes."""
    best = None
    for order in itertools.permutations(range(len(labels))):
        place = {node: position for position, node in enumerate(order)}
        form = (
            tuple(labels[node] for node in order),
            tuple(sorted((place[source], place[target], label) for source, target, label in edges)),
        )
        best = form if best is None or form < best else best
    return best


def random_graph(rng: random.Random, nodes: int):
    labels = [rng.choice("ab") for _ in range(nodes)]
    pairs = [(i, j) for j in range(nodes) for i in range(j)]
    edges = [(i, j, rng.choice("xy")) for i, j in pairs for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    return labels, edges


def shuffled(rng: random.Random, labels, edges):
    place = list(range(len(labels)))
    rng.shuffle(place)
    moved = [""] * len(labels)
    for node, position in enumerate(place):
        moved[position] = labels[node]
    edges = [(place[source], place[target], label) for source, target, label in edges]
    rng.shuffle(edges)
    return moved, edges


def test_equal_exactly_where_brute_force_over_permutations_says_so():
    rng = random.Random(0)
    by_form, by_force = {}, {}
    for _ in range(300):
        labels, edges = random_graph(rng, rng.choice((2, 3, 4)))
        ours, truth = canonical_form(labels, edges), brute_force(labels, edges)
        assert by_form.setdefault(ours, truth) == truth
        assert by_force.setdefault(truth, ours) == ours
    assert 50 < len(by_form) < 300


def test_isomorphic_graphs_of_six_nodes_agree_with_brute_force():
    rng = random.Random(1)
    for _ in range(12):
        labels, edges = random_graph(rng, 6)
        other = shuffled(rng, labels, edges)
        assert brute_force(labels, edges) == brute_force(*other)
        assert canonical_form(labels, edges) == canonical_form(*other)


def test_a_dozen_nodes_in_any_order_give_one_form():
    rng = random.Random(2)
    for _ in range(50):
        labels, edges = random_graph(rng, 12)
        assert canonical_form(labels, edges) == canonical_form(*shuffled(rng, labels, edges))


def test_regular_graphs_that_refinement_cannot_tell_apart():
    """A ring of six and two rings of three look alike from every node; only the search by singling out tells them apart."""
    ring = [(i, (i + 1) % 6, "") for i in range(6)]
    triangles = [(0, 1, ""), (1, 2, ""), (2, 0, ""), (3, 4, ""), (4, 5, ""), (5, 3, "")]
    labels = ["n"] * 6
    assert canonical_form(labels, ring) != canonical_form(labels, triangles)
    rng = random.Random(3)
    for edges in (ring, triangles):
        assert canonical_form(labels, edges) == canonical_form(*shuffled(rng, labels, edges))


def test_many_twins_are_quick():
    """Ten nodes nobody can tell apart: 3,628,800 orders, were twins not recognised."""
    labels = ["in", *["twin"] * 10, "out"]
    edges = [(0, node, "x") for node in range(1, 11)] + [(node, 11, "y") for node in range(1, 11)]
    assert canonical_form(labels, edges) == canonical_form(*shuffled(random.Random(4), labels, edges))


def test_direction_multiplicity_and_labels_count():
    labels = ["n", "n"]
    forms = [
        canonical_form(labels, edges)
        for edges in ([], [(0, 1, "x")], [(0, 1, "x"), (0, 1, "x")], [(0, 1, "y")], [(0, 1, "x"), (1, 0, "x")])
    ]
    assert len(set(forms)) == len(forms)
    assert canonical_form(labels, [(0, 1, "x")]) == canonical_form(labels, [(1, 0, "x")])
    assert canonical_form(["a", "b"], [(0, 1, "x")]) != canonical_form(["a", "b"], [(1, 0, "x")])


def test_many_parts_that_look_alike_are_quick():
    """Sixteen pairs between an input and an output: 16! orders, were parts not put in order each by itself."""
    labels = ["in", *["node"] * 32, "out"]
    edges = [edge for one in range(1, 33, 2) for edge in ((0, one, ""), (one, one + 1, ""), (one + 1, 33, ""))]
    assert canonical_form(labels, edges) == canonical_form(*shuffled(random.Random(5), labels, edges))
    crossed = [(one, two, "") if (one, two) != (31, 32) else (29, 32, "") for one, two, _ in edges]
    assert canonical_form(labels, edges) != canonical_form(labels, crossed)


def test_random_graphs_of_32_nodes_in_any_order_give_one_form():
    rng, forms = random.Random(6), set()
    for text in ("er(0.05)", "er(0.2)", "ba(1)", "ba(5)", "ws(4,0)", "ws(4,0.75)"):
        for seed in range(5):
            edges = [(source, target, "") for source, target in Generator.parse(text).wiring(32, seed).edges]
            forms.add(form := canonical_form([""] * 32, edges))
            assert form == canonical_form(*shuffled(rng, [""] * 32, edges))
    assert len(forms) == 26  # WS(4, 0) is one graph, whatever the seed
