"""A cell among all others: its place, its family, its controller."""

import json
import random
import re

import pytest

from nas_engine.architecture import Choice
from nas_engine.search_config import read_search
from tests.webapp import seeding
from webapp.figures.cell import probability
from webapp.models import PolicyUpdate
from webapp.results.lineage import controller_records, family_of


def test_family_goes_back_to_the_first_and_on_to_the_children(owner):
    trials = seeding.bred(
        {1: {}, 2: {"parent": 1}, 3: {"parent": 2}, 4: {"parent": 3}, 5: {"parent": 3}, 6: {"parent": 1}}
    )
    family = family_of(trials[3])
    assert [member.trial.number for member in family.ancestors] == [1, 2]
    assert [member.trial.number for member in family.children] == [5, 4] and family.more == 0
    assert family.ancestors[0].gain is None and family.own.gain == pytest.approx(0.01)
    assert len(family.own.changes) <= 1 and all("→" in change for change in family.own.changes)


def test_second_parents_and_second_children_belong_to_it(owner):
    trials = seeding.bred({1: {}, 2: {}, 3: {"parents": [1, 2]}, 4: {"parents": [2, 3]}})
    family = family_of(trials[3])
    assert [m.trial.number for m in family.ancestors] == [1] and [m.trial.number for m in family.others] == [2]
    assert [m.trial.number for m in family.children] == [4]


def test_no_relatives_no_family(owner):
    trials = seeding.bred({1: {}, 2: {"parent": 7}})
    assert family_of(trials[1]) is None and family_of(trials[2]) is None


def test_a_long_line_is_cut_and_many_children_are_counted(owner):
    line = {1: {}} | {number: {"parent": number - 1} for number in range(2, 12)}
    trials = seeding.bred(line | {number: {"parent": 11} for number in range(12, 30)})
    family = family_of(trials[11])
    assert [m.trial.number for m in family.ancestors] == [5, 6, 7, 8, 9, 10]
    assert len(family.children) == 12 and family.more == 6


CHOICES = (Choice("a", ("x", "y")), Choice("b", ("x", "y", "z", "w")))


def record(first: float, second: float) -> dict:
    rest = (1 - second) / 3
    return {"probabilities": {"a": [1 - first, first], "b": [second, rest, rest, rest]}}


def test_probability_is_the_geometric_mean_over_the_decisions():
    drawn = probability([(1, record(0.5, 0.25)), (2, record(0.9, 0.4))], CHOICES, (1, 0))
    chance, own = (mark["y"] for mark in drawn["data"])
    assert own == pytest.approx([100 * (0.5 * 0.25) ** 0.5, 100 * (0.9 * 0.4) ** 0.5])
    assert chance[0] == pytest.approx(own[0]) and "after update 2" in drawn["label"]
    assert probability([(1, record(0.5, 0.25))], CHOICES, (1, 0)) is None
    assert probability([(1, {"probabilities": {}}), (2, {"probabilities": {}})], CHOICES, (1, 0)) is None


def test_page_and_part_show_the_place_among_all(signed_in, owner):
    trials = seeding.bred({1: {}, 2: {"parent": 1}, 3: {"parent": 2}})
    best = trials[3]
    type(best).objects.filter(pk=best.pk).update(macs=1)
    part = signed_in.get(f"/cells/{best.cell_id}/around/?part").content.decode()
    assert "<html" not in part and "On the Pareto front" in part and "this cell" in part
    drawn = json.loads(re.search(r'<script id="among" type="application/json">(.*?)</script>', part, re.S)[1])
    assert drawn["data"][-1]["x"] == [1e-6] and "this cell at 53.00" in drawn["label"]
    page = signed_in.get(f"/cells/{trials[1].cell_id}/around/").content.decode()
    assert "<html" in page and "child" in page and "more accurate" in page
    text = signed_in.get(f"/cells/{best.cell_id}/").content.decode()
    assert f"/cells/{best.cell_id}/around/?part" in text


def test_a_controllers_probabilities_are_drawn(signed_in, owner):
    search = seeding.search(seeding.SMALL | {"strategy": "ppo"})
    space = read_search(search.config).build_space()
    trial = seeding.trial(search, 1, space.sample(random.Random(0)))
    assert controller_records(trial) == []
    for number in range(1, 4):
        even = {choice.name: [1 / len(choice.options)] * len(choice.options) for choice in space.choices}
        PolicyUpdate.objects.create(search=search, number=number, record={"probabilities": even})
    text = signed_in.get(f"/cells/{trial.cell_id}/around/?part").content.decode()
    assert "Its controller" in text and "No relatives in its search" in text


def test_a_cell_never_measured_says_so(signed_in, owner):
    record_ = seeding.record(seeding.deep_cells())
    text = signed_in.get(f"/cells/{record_.key}/around/").content.decode()
    assert text.count("Shown once this cell is measured.") == 2
    assert signed_in.get("/cells/abcdef0/around/").status_code == 404
