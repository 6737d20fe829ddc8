"""The family tree of an evolution, and how far updates move a policy."""

from types import SimpleNamespace

from tests.webapp import seeding
from webapp.figures.family import family_tree
from webapp.figures.policy import drift
from webapp.models import PolicyUpdate


def point(number: int, accuracy: float):
    return SimpleNamespace(number=number, cell_id=f"{number:064x}", valid_accuracy=accuracy)


def drawn(trace: dict) -> set[tuple[int, int]]:
    x = trace["x"]
    return {(x[at], x[at + 1]) for at in range(0, len(x), 3)}


def test_the_best_ones_ancestors_stand_out():
    measured = [point(1, 0.5), point(2, 0.6), point(3, 0.7), point(4, 0.9), point(5, 0.4)]
    figure = family_tree(measured, {3: [2], 4: [3, 1], 5: [4], 6: [5]})
    everything, _, line, ancestors = figure["data"]
    assert drawn(everything) == {(2, 3), (3, 4), (1, 4), (4, 5)}, "trial 6 is not measured"
    assert drawn(line) == {(2, 3), (3, 4), (1, 4)} and ancestors["x"] == [1, 2, 3, 4]
    assert "trial 4, the best, has 3 ancestors" in figure["label"]


def test_without_descent_there_is_no_tree():
    assert family_tree([point(1, 0.5)], {}) is None
    assert family_tree([], {2: [1]}) is None


def test_drift_shows_divergence_and_clipping_where_they_are_reported():
    assert drift([(1, {"entropy": 3.0, "kl": None})]) is None
    figure = drift([(1, {"kl": 0.01, "clip_fraction": 0.2}), (2, {"kl": 0.02, "clip_fraction": 0.1})])
    assert figure["data"][0]["y"] == [0.01, 0.02] and figure["data"][1]["y"] == [20.0, 10.0]
    assert len(drift([(1, {"kl": 0.01, "clip_fraction": 0.0})])["data"]) == 1


def test_pages_of_evolutions_and_controllers_show_them(signed_in, db):
    search = seeding.search(seeding.SMALL | {"strategy": "regularized_evolution"})
    rows = seeding.measured(search, 6)
    for child, parent in zip(rows[1:], rows, strict=False):
        child.info = {"parent": parent.number}
        child.save(update_fields=["info"])
    text = signed_in.get(f"/searches/{search.pk}/").content.decode()
    assert 'id="figure-family"' in text and 'data-figure="figure-family"' in text
    learner = seeding.search(seeding.SMALL | {"strategy": "ppo"})
    seeding.measured(learner, 3)
    PolicyUpdate.objects.create(search=learner, number=1, record={"kl": 0.01, "clip_fraction": 0.1, "entropy": 2.0})
    text = signed_in.get(f"/searches/{learner.pk}/").content.decode()
    assert 'id="figure-drift"' in text and 'data-figure="figure-drift"' in text and "figure-family" not in text
