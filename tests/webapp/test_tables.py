"""Searches of a published table in the browser: set up, watched, opened, on the leaderboard."""

import json
import re

import pytest

from nas_engine.search_config import read_search
from tasks import live, messages
from tasks.search import advance_search
from tests.nas_engine.tables import write_201, write_macro
from tests.webapp.test_search_new import NEW, PREVIEW, html_of, post_of, tag
from webapp.models import Dataset, Search, Trial
from webapp.services.owner import local_owner
from webapp.services.searches import create_search

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(messages, "send", lambda *words: True)
    live.forget()
    yield
    live.forget()


@pytest.fixture
def table(tmp_path):
    return write_201(tmp_path / "t.npz")


def search_of(path, **changes) -> Search:
    """A finished search of the table."""
    config = {
        "name": "Look-ups",
        "strategy": "random",
        "evaluator": "tabular",
        "evaluator_config": {"path": str(path)},
        "budget": {"trials": 30},
    }
    search = create_search(read_search(config | changes), local_owner())
    advance_search(search.pk)
    search.refresh_from_db()
    assert search.state == "finished"
    return search


def filled(path, **changes) -> dict:
    chosen = {"evaluator": "tabular", "evaluator_config__tabular__path": str(path), "budget__trials": "25"}
    return post_of(**(chosen | changes))


def test_the_form_starts_a_search_of_a_table_without_any_data_set(signed_in, table):
    assert not Dataset.objects.exists()
    response = signed_in.post(NEW, filled(table, evaluator_config__tabular__seconds="5000", training__epochs="x"))
    search = Search.objects.get()
    assert response.url == f"/searches/{search.pk}/"
    assert search.dataset is None and search.config["evaluator_config"]["seconds"] == 5000


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"evaluator_config__tabular__path": ""}, "path", "Give the path of a table"),
        ({"evaluator_config__tabular__path": "/nowhere/t.npz"}, "path", "there is no such file"),
        ({"evaluator_config__tabular__path": __file__}, "path", "cannot be read as a table"),
        ({"evaluator_config__tabular__dataset": "mars"}, "dataset", "The table has no mars"),
        ({"evaluator_config__tabular__epochs": "13"}, "epochs", "It has: 12, 200"),
        ({"evaluator_config__tabular__epochs": "many"}, "epochs", "is not a whole number"),
    ],
)
def test_what_is_wrong_with_a_table_stands_at_its_field(signed_in, table, typed, field, says):
    html = html_of(signed_in.post(NEW, filled(table, **typed)))
    assert "The search was not started" in html and says in html.replace("&#x27;", "'")
    assert 'aria-invalid="true"' in tag(html, f"evaluator_config.tabular.{field}")
    assert not Search.objects.exists()


def test_a_time_limit_needs_a_table_with_times(signed_in, tmp_path):
    path = write_macro(tmp_path / "macro.npz")
    html = html_of(signed_in.post(NEW, filled(path, evaluator_config__tabular__seconds="100")))
    assert "holds no training times" in html


def test_the_panel_tells_what_is_in_the_table(signed_in, table):
    html = html_of(signed_in.post(PREVIEW, filled(table)))
    assert "In the table" in html and "729" in html and "cifar10_val_e12" in html and "simulated, mean" in html
    assert "The table is not settled" in html_of(signed_in.post(PREVIEW, filled("/nowhere.npz")))


def test_the_sections_for_images_are_put_away(signed_in, table):
    html = html_of(signed_in.post(NEW, filled(table) | {"preview": "1"}))
    assert re.search('<div class="stack" data-part="evaluator" data-for="standalone[ a-z]*" hidden>', html)


def test_the_pages_of_a_finished_search(signed_in, table):
    search = search_of(table)
    html = html_of(signed_in.get(f"/searches/{search.pk}/"))
    assert "Simulated training" in html and "NAS-Bench-201 table, cifar10_val_e12" in html
    assert "No train worker is alive" not in html
    best = search.trials.order_by("-reward").first()
    for path in (
        f"/searches/{search.pk}/trials/{best.number}/", f"/cells/{best.cell_id}/", f"/cells/{best.cell_id}/cell.json",
        f"/cells/{best.cell_id}/normal.svg", "/searches/", "/leaderboard/", "/leaderboard/cells.csv", "/",
        f"/searches/new/?clone={search.pk}", "/leaderboard/?dataset=tables", "/leaderboard/cells.json",
    ):  # fmt: skip
        assert signed_in.get(path).status_code == 200, path
    cell = html_of(signed_in.get(f"/cells/{best.cell_id}/"))
    assert "Its numbers stand in a published table" in cell and "Rank" in cell


def test_the_pages_stay_when_the_table_is_gone(signed_in, table):
    search = search_of(table)
    table.unlink()
    best = search.trials.first()
    for path in (
        f"/searches/{search.pk}/",
        f"/cells/{best.cell_id}/",
        "/leaderboard/",
        f"/searches/new/?clone={search.pk}",
    ):
        assert signed_in.get(path).status_code == 200, path


def test_the_leaderboard_ranks_each_looked_up_cell_once(signed_in, table):
    search_of(table), search_of(table)
    rows = json.loads(b"".join(signed_in.get("/leaderboard/cells.json").streaming_content))
    assert len(rows) == len({row["cell"] for row in rows}) == Trial.objects.values("cell").distinct().count()
    assert rows[0]["dataset"] == "tables"


def test_a_controllers_probabilities_are_drawn_edge_by_edge(signed_in, table):
    search = search_of(table, strategy="reinforce", strategy_config={"hidden": 8, "layers": 1, "batch": 10})
    html = html_of(signed_in.get(f"/searches/{search.pk}/"))
    assert search.updates.count() == 3 and "0\\u21921" in html and "conv 1\\u00d71" in html


def test_a_multi_objective_search_shows_its_front_and_what_broke_the_limits(signed_in, table):
    search = search_of(table, strategy="nsga2", strategy_config={"population": 8}, limits={"max_macs": 9})
    html = html_of(signed_in.get(f"/searches/{search.pk}/"))
    assert 'id="front"' in html and "that no other beats in accuracy and MACs; hypervolume 0." in html
    assert "Infeasible" in html and "broke the limits" in html
    shown = html_of(signed_in.get(f"/searches/{search.pk}/?state=infeasible"))
    assert "MACs, more than 9 M" in shown
    broken = search.trials.filter(state="infeasible").first()
    assert "breaks the limits" in html_of(signed_in.get(f"/searches/{search.pk}/trials/{broken.number}/"))


def test_limits_are_typed_and_judged_at_their_fields(signed_in, table):
    html = html_of(signed_in.post(NEW, filled(table, limits__max_macs="5", limits__min_macs="6")))
    assert 'aria-invalid="true"' in tag(html, "limits.max_macs") and "below the least number of MACs" in html
    html = html_of(signed_in.post(NEW, filled(table, strategy="nsga2", **{"strategy_config__nsga2__objectives": []})))
    assert "Choose one objective at least" in html
