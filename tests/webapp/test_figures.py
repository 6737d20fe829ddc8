"""Figures: right data, tokens that exist, few points, few queries."""

import json
import random
import re
from collections import namedtuple
from pathlib import Path

import pytest
from django.conf import settings

from nas_engine.architecture import Choice
from nas_engine.operations import FAMILIES
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from tests.webapp import seeding
from webapp.figures import base, policy
from webapp.figures.new_search import BINS, spread
from webapp.figures.search import COSTS, POINT_FIELDS, against_cost, best_so_far, by_accuracy, climb
from webapp.figures.trial import learning_curve, loss_curve
from webapp.models import PolicyUpdate, Search, Trial
from webapp.views.search_page import SearchPage

Point = namedtuple("Point", POINT_FIELDS)
Cost = namedtuple("Cost", "params macs")


def point(number: int, accuracy: float, macs: int = 10**6, **fields) -> Point:
    given = {"cell_id": f"{number:064x}", "state": "finished", "reward": accuracy, "params": 5000, "latency": 0.002}
    return Point(**{"number": number, "valid_accuracy": accuracy, "macs": macs, "seconds": 3.0} | given | fields)


def drawn(figure: dict) -> int:
    return sum(len(trace.get("x", [])) * len(trace.get("z", [0])) for trace in figure["data"])


# ---- the template


def tokens_in(thing) -> set[str]:
    return set(re.findall(r'"var:(--[a-z0-9-]+)', json.dumps(thing)))


def test_every_colour_is_a_token_of_the_style_sheets():
    sheet = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
    known = set(re.findall(r"(--[a-z0-9-]+):", sheet))
    marks = [base.points([1], [1]), base.front([1], [1]), base.references([1], [1]), base.best_line([1], [1])]
    marks += [base.reference_line([1], [1]), base.bars([1], [1]), base.band([1], [0], [2])]
    shape, note = base.limit(1, "target")
    used = tokens_in(base.figure(marks, label="", shapes=[shape], notes=[note]))
    assert used and used <= known
    assert {f"--op-{family}" for family in FAMILIES} <= known
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b", json.dumps(base.TEMPLATE))


def test_a_figure_has_titles_a_label_and_its_own_look():
    figure = base.figure([], label="Nothing", x="trial", y="valid accuracy, %", height=190)
    texts = [note["text"] for note in figure["layout"]["annotations"]]
    assert texts == ["↑ valid accuracy, %", "trial →"]
    assert figure["label"] == "Nothing"
    assert figure["layout"]["template"] is base.TEMPLATE
    assert figure["layout"]["uirevision"] == "keep"


def test_hover_text_is_bold_first_then_one_value_a_line():
    assert base.hover_text("0d65789", "valid 92.86 %") == "<b>0d65789</b><br>valid 92.86 %"


# ---- the Pareto front and thinning


@pytest.mark.parametrize("seed", range(20))
def test_pareto_finds_exactly_the_undominated(seed):
    rng = random.Random(seed)
    pairs = [(rng.randint(1, 12), rng.randint(1, 12)) for _ in range(30)]

    def beaten(one: tuple) -> bool:
        return any(o[0] <= one[0] and o[1] >= one[1] and o != one for o in pairs)

    expected = sorted({pair for pair in pairs if not beaten(pair)})
    chosen = [pairs[index] for index in base.pareto(pairs)]
    assert chosen == expected


def test_thinning_keeps_order_ends_and_count():
    rows = list(range(12_345))
    some = base.thin(rows, 500)
    assert len(some) == len(set(some)) == 500
    assert some == sorted(some) and some[-1] == 12_344 and some[0] == 0
    assert base.thin(rows[:10], 500) == rows[:10]


# ---- a search


def test_best_so_far_climbs_and_reaches_the_last_trial():
    measured = [point(1, 0.5), point(2, 0.4), point(5, 0.7), point(9, 0.6)]
    assert climb(measured) == [(1, 0.5), (5, 0.7), (9, 0.7)]
    figure = best_so_far(measured, budget=20)
    scatter, best = figure["data"]
    assert scatter["x"] == [1, 2, 5, 9] and scatter["y"] == pytest.approx([50, 40, 70, 60])
    assert best["x"] == [1, 5, 9] and best["y"] == pytest.approx([50, 70, 70])
    assert figure["layout"]["xaxis"]["range"] == [0, 20]
    assert figure["label"].startswith("Valid accuracy of 4 trials and the best so far, best 70.00")


def test_the_baseline_is_compared_at_equal_trials():
    baseline = [point(number, 0.3 + number / 100) for number in range(1, 30)]
    figure = best_so_far([point(1, 0.5), point(4, 0.6)], 100, baseline)
    assert figure["data"][1]["x"][-1] == 4
    assert "random search" in [note["text"] for note in figure["layout"]["annotations"]]


@pytest.mark.parametrize("cost", COSTS)
def test_accuracy_against_each_cost(cost):
    measured = [
        point(1, 0.5, 3_000_000, params=30_000, latency=0.003),
        point(2, 0.6, 2_000_000, params=20_000, latency=0.002),
    ]
    measured.append(point(3, 0.7, 4_000_000, params=40_000, latency=None))
    others, front = against_cost(by_accuracy(measured), cost, target=2.5)["data"]
    expected = {"macs": [2.0, 4.0], "params": [0.02, 0.04], "latency": [2.0]}[cost]
    assert front["x"] == pytest.approx(expected)
    assert len(others["x"]) == 1
    assert front["customdata"][0] == measured[1].cell_id[:12]


def test_no_figure_holds_more_than_five_thousand_points():
    rng = random.Random(0)
    measured = [point(n, rng.random(), rng.randrange(10**6, 10**8)) for n in range(1, 20_001)]
    figures = [best_so_far(measured, 20_000, measured), *(against_cost(by_accuracy(measured), cost) for cost in COSTS)]
    updates = [
        (n, {"entropy": 1.0, "entropy_uniform": 2.0, "mean_reward": 0.5, "baseline": 0.4}) for n in range(1, 9000)
    ]
    figures += [policy.entropy(updates), policy.reward(updates)]
    assert max(map(drawn, figures)) <= base.MOST_POINTS
    assert "2000 of 20000 drawn" in figures[0]["label"]
    for cost, figure in zip(COSTS, figures[1:4], strict=True):
        pairs = [(getattr(p, cost), p.valid_accuracy) for p in measured]
        assert len(figure["data"][1]["x"]) == len(base.pareto(pairs))  # thinning never touches the front


# ---- the controller


def test_entropy_is_a_share_of_the_uniform_policys():
    figure = policy.entropy(
        [(1, {"entropy": 9.0, "entropy_uniform": 10.0}), (2, {"entropy": 5.0, "entropy_uniform": 10.0})]
    )
    assert figure["data"][0]["y"] == [90.0, 50.0]
    assert "50 % of uniform after update 2" in figure["label"]
    assert policy.entropy([(1, {"mean_reward": 0.5})]) is None


def test_reward_and_baseline():
    figure = policy.reward([(1, {"mean_reward": 0.5, "baseline": 0.4}), (2, {"mean_reward": 0.6, "baseline": None})])
    baseline, mean = figure["data"]
    assert mean["y"] == [0.5, 0.6] and baseline["y"] == [0.4, None]
    assert policy.reward([]) is None


def heat():
    space = NASNetSpace(NASNetConfig(blocks=2, operations=("sep_conv_3x3", "identity", "conv_1x1")))
    table = {choice.name: [1 / len(choice.options)] * len(choice.options) for choice in space.choices}
    table["normal.1.left_operation"] = [0.1, 0.7, 0.2]
    return {"probabilities": table}, space.choices


def test_the_heat_map_has_a_row_an_operation_and_a_column_a_decision():
    record, choices = heat()
    figure = policy.heat_map(record, choices)
    rows = [trace for trace in figure["data"] if trace["type"] == "heatmap"]
    assert len(rows) == 3 * 2  # operations x kinds of cell
    assert figure["layout"]["xaxis"]["ticktext"] == ["1l", "1r", "2l", "2r"] * 2
    labels = [text.strip() for text in figure["layout"]["yaxis"]["ticktext"]]
    assert labels == ["skip", "conv 1×1", "sep 3×3"]  # the order of the operation table
    skip = rows[0]
    assert skip["z"][0][0] == pytest.approx(0.05 + 0.95 * 0.7**0.8, abs=1e-3)
    assert "skip 70\u00a0%" in skip["hovertext"][0][0] and "normal cell, block 1 left" in skip["hovertext"][0][0]
    dots = figure["data"][-1]
    assert len(dots["x"]) == 8  # 0.7 once; a third elsewhere is above 0.3 as well


def test_no_heat_map_without_operation_probabilities():
    assert policy.heat_map({}, heat()[1]) is None
    assert policy.heat_map({"probabilities": {"a": [1.0]}}, [Choice("a", ("s0",))]) is None


def test_counting_the_decisions_that_prefer_identity():
    record, choices = heat()
    record["probabilities"]["reduction.2.right_operation"] = [0.2, 0.5, 0.3]
    assert policy.identity_first(record, choices) == (2, 8)
    assert policy.identity_first({}, choices) is None


# ---- one trial, the form


def test_learning_curves_leave_out_what_was_not_measured():
    curve = [
        {"epoch": 1, "train_loss": 2.0, "train_accuracy": 0.3, "valid_accuracy": 0.2},
        {"epoch": 2, "train_loss": None, "train_accuracy": 0.5, "valid_accuracy": None},
    ]
    train, valid = learning_curve(curve, 2)["data"]
    assert train["y"] == [30.0, 50.0] and valid["y"] == [20.0]
    assert loss_curve(curve, 2)["data"][0]["x"] == [1]
    assert learning_curve([], 2) is None and loss_curve([], 2) is None


def test_the_spread_counts_every_sample_once():
    costs = [Cost(params=n * 1000, macs=n * 10**6) for n in range(1, 201)]
    figure = spread(costs, "macs", target=50)
    (bars,) = figure["data"]
    assert sum(bars["y"]) == 200 and len(bars["y"]) == BINS
    within = bars["marker"]["color"].count("var:--ink-3")
    assert 0 < within < BINS
    assert figure["layout"]["shapes"][0]["x0"] == 50
    assert sum(spread([Cost(1, 10**6)] * 5, "macs", 0)["data"][0]["y"]) == 5  # all alike: no division by zero


# ---- few queries


def page_of(trials: int) -> SearchPage:
    space = {"blocks": 2, "operations": ["sep_conv_3x3", "identity", "conv_1x1"]}
    config = seeding.SMALL | {"strategy": "ppo", "space_config": space, "reward": {"goal": "macs", "target": 2.0}}
    found = seeding.search(config, state="running")
    seeding.measured(found, trials, seed=trials)
    record, _ = heat()
    PolicyUpdate.objects.create(search=found, number=1, record=record | {"entropy": 1.0, "entropy_uniform": 2.0})
    return SearchPage(Search.objects.get(pk=found.pk))


@pytest.mark.django_db
@pytest.mark.parametrize("trials", [3, 60])
def test_all_figures_take_the_same_few_queries_whatever_the_trials(django_assert_max_num_queries, trials):
    page = page_of(trials)
    with django_assert_max_num_queries(4):
        figures = page.figures
    assert {"best", "macs", "params", "latency", "entropy", "heat"} <= figures.keys()
    assert drawn(figures["macs"]) == trials


@pytest.mark.django_db
def test_the_longest_random_search_of_the_protocol_is_the_baseline():
    page = page_of(5)
    for count in (2, 7):
        seeding.measured(seeding.search(seeding.SMALL), count, seed=count)
    longer = seeding.SMALL | {"training": seeding.SMALL["training"] | {"epochs": 9}}
    seeding.measured(seeding.search(longer), 9)
    assert [point.number for point in page.baseline] == list(range(1, 8))
    assert Trial.objects.count() == 5 + 2 + 7 + 9


def test_decisions_that_are_no_operations_are_mapped_option_by_option():
    choices = (
        Choice("block 1.kernel", ("3", "5")),
        Choice("block 2.kernel", ("3", "5")),
        Choice("block 2.skip", ("no", "yes")),
    )
    record = {
        "probabilities": {"block 1.kernel": [0.25, 0.75], "block 2.kernel": [1.0, 0.0], "block 2.skip": [0.4, 0.6]}
    }
    made = policy.heat_map(record, choices)
    assert made["layout"]["xaxis"]["ticktext"] == ["block 1", "block 2"]
    assert [text.strip() for text in made["layout"]["yaxis"]["ticktext"]] == ["skip", "kernel 5", "kernel 3"]
    assert made["data"][0]["z"] == [[None, 0.6], [0.75, 0.0], [0.25, 1.0]]
    assert policy.heat_map({}, choices) is None
