"""The sweep page: accuracy beside the statistics of the graphs."""

import json
import re

import pytest
from django.urls import reverse

from nas_engine.search_config import read_search
from nas_engine.search_spaces.graph_statistics import LABELS, statistics
from nas_engine.search_spaces.randwire import wiring_of
from nas_engine.strategies.grid import Grid
from nas_engine.strategies.settings import GridConfig
from tests.webapp import seeding
from webapp.figures.removal import removal_damage
from webapp.models import Search
from webapp.results.sweep import settings_of, sweep_points
from webapp.templatetags.cells import cells_of

pytestmark = pytest.mark.django_db
WIRED = {
    "name": "Which graphs",
    "space": "randwire",
    "space_config": {
        "nodes": 12, "er_p": ["0.2", "0.4"], "ba_m": ["1", "3"], "ws_k": ["4"], "ws_p": ["0.5"], "own_seeds": False,
    },
    "strategy": "grid",
    "skeleton": {"filters": 8},
    "training": seeding.SMALL["training"],
}  # fmt: skip
SETTINGS = {"er(0.2)", "er(0.4)", "ba(1)", "ba(3)", "ws(4,0.5)"}


@pytest.fixture
def swept() -> Search:
    """Three rounds of a grid over five settings."""
    search = seeding.search(WIRED)
    grid = Grid(read_search(WIRED).build_space(), GridConfig(), 0)
    for number in range(15):
        seeding.trial(search, number + 1, grid.ask(number).architecture)
    return search


def figures(html: str) -> dict:
    found = re.findall(r'<script id="figure-(\w+)" type="application/json">(.*?)</script>', html, re.S)
    return {name: json.loads(text) for name, text in found}


def test_a_round_of_the_grid_tries_every_setting_once(swept):
    points = sweep_points(swept)
    for start in (0, 5, 10):
        assert {str(point.generator) for point in points[start : start + 5]} == SETTINGS
    assert len({point.seeds[0] for point in points}) == 3


def test_points_carry_the_statistics_of_their_graphs(swept):
    for point in sweep_points(swept):
        trial = swept.trials.get(number=point.number)
        graphs = [statistics(wiring_of(cell)) for cell in cells_of(trial.cell)]
        assert point.statistics["edges"] == pytest.approx(sum(graph.edges for graph in graphs) / 3)
        assert point.statistics["clustering"] == pytest.approx(sum(graph.clustering for graph in graphs) / 3)
        assert (point.key, point.accuracy) == (trial.cell_id, trial.valid_accuracy)


def test_settings_are_the_means_over_their_seeds(swept):
    points, settings = sweep_points(swept), settings_of(sweep_points(swept))
    assert {str(one.generator) for one in settings} == SETTINGS
    assert [one.mean for one in settings] == sorted((one.mean for one in settings), reverse=True)
    for one in settings:
        group = [point.accuracy for point in points if point.generator == one.generator]
        assert one.seeds == len(group) == 3 and one.mean == pytest.approx(sum(group) / 3) and one.spread > 0
        assert one.best.accuracy == max(group)


def test_the_page_plots_every_statistic_and_lists_every_setting(signed_in, swept):
    html = signed_in.get(reverse("search-sweep", args=[swept.pk])).content.decode()
    drawn = figures(html)
    assert set(drawn) == set(LABELS)
    small = [mark for mark in drawn["edges"]["data"] if "customdata" in mark]
    assert sum(len(mark["x"]) for mark in small) == 15 and len(small) == 3
    assert all(name in html for name in SETTINGS)
    assert 'data-figure="figure-path_length"' in html and "data-live" not in html
    other = signed_in.get(reverse("search-sweep", args=[swept.pk]), {"x": "clustering"}).content.decode()
    assert 'data-figure="figure-clustering"' in other
    strange = signed_in.get(reverse("search-sweep", args=[swept.pk]), {"x": "beauty"}).content.decode()
    assert 'data-figure="figure-path_length"' in strange


def test_a_running_sweep_fills_by_itself(signed_in):
    search = seeding.search(WIRED, state="running", ended=None)
    html = signed_in.get(reverse("search-sweep", args=[search.pk])).content.decode()
    assert "No network is measured yet" in html and "data-live=" in html
    live = reverse("search-sweep-live", args=[search.pk])
    answer = signed_in.get(live)
    assert answer.status_code == 200
    assert signed_in.get(live, {"since": answer["X-Version"]}).status_code == 204


def test_other_spaces_have_no_sweep_and_no_link_to_one(signed_in, swept):
    other = seeding.search()
    assert signed_in.get(reverse("search-sweep", args=[other.pk])).status_code == 404
    assert reverse("search-sweep", args=[other.pk]) not in signed_in.get(other_page(other)).content.decode()
    assert reverse("search-sweep", args=[swept.pk]) in signed_in.get(other_page(swept)).content.decode()


def other_page(search: Search) -> str:
    return reverse("search", args=[search.pk])


def test_damage_is_averaged_by_degree():
    rows = [[1, "n0", "", 2, 0.1], [1, "n1", "", 2, 0.3], [2, "n0", "", 0, 0.0], [1, "n1", "n0", 1, 0.05]]
    nodes, edges = removal_damage(rows, "nodes"), removal_damage(rows, "edges")
    assert (nodes["data"][1]["x"], nodes["data"][1]["y"]) == ([0, 2], [0, 20.0])
    assert (edges["data"][1]["x"], edges["data"][1]["y"]) == ([1], [5.0])
    assert edges["data"][0]["text"] == ["stage 1, edge 0 → 1"]
