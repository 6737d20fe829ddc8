"""The leaderboard: one protocol at a time, filters, order, paging, export, and a fixed number of queries."""

import csv
import io
import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nas_engine.search_config import read_search
from tests.webapp import seeding
from webapp.forms.board import read_filters
from webapp.models import Trial
from webapp.results import board
from webapp.results.protocols import measured_protocols

LONGER = seeding.SMALL | {"name": "Longer", "training": seeding.SMALL["training"] | {"epochs": 20}}


@pytest.fixture
def filled(db):
    """Thirty cells under one protocol, ten under another."""
    first, second = seeding.search(seeding.SMALL), seeding.search(LONGER)
    seeding.measured(first, 30)
    seeding.measured(second, 10, seed=1)
    return first, second


def shown(response) -> list[str]:
    return re.findall(r'<tr data-id="([0-9a-f]{7})"', response.content.decode())


def short(trials) -> list[str]:
    return [trial.cell_id[:7] for trial in trials]


def test_without_results_the_page_teaches(signed_in):
    response = signed_in.get("/leaderboard/")
    assert response.status_code == 200
    assert b"No cell has been measured yet" in response.content and b"/searches/new/" in response.content


def test_default_protocol_is_the_one_with_most_results_and_is_named(signed_in, filled):
    response = signed_in.get("/leaderboard/")
    text = response.content.decode()
    assert filled[0].protocol in text and "30 cells measured under one protocol" in text
    assert shown(response) == short(Trial.objects.filter(search=filled[0]).order_by("-valid_accuracy")[:25])


def test_protocols_are_never_mixed(signed_in, filled):
    response = signed_in.get("/leaderboard/", {"protocol": filled[1].protocol, "rows": 100})
    assert shown(response) == short(Trial.objects.filter(search=filled[1]).order_by("-valid_accuracy"))
    unknown = signed_in.get("/leaderboard/", {"protocol": "123456789abc"}).content.decode()
    assert "No cell was measured under protocol 123456789abc" in unknown


def test_equal_summaries_of_different_protocols_are_told_apart(filled):
    hotter = seeding.SMALL | {"training": seeding.SMALL["training"] | {"learning_rate": 0.5}}
    seeding.measured(seeding.search(hotter), 2, seed=2)
    labels = [each.label for each in measured_protocols()]
    assert len(set(labels)) == 3 and sum(filled[0].protocol[:6] in label for label in labels) == 1


def test_reused_and_repeated_measurements_make_no_second_row(signed_in, filled):
    known = filled[0].trials.get(number=1)
    other = seeding.search(seeding.SMALL | {"name": "Again", "strategy": "ppo"})
    architecture = seeding.Architecture("nasnet", tuple(known.choices))
    seeding.trial(other, 1, architecture, cell=known.cell, state="reused", same_as=known)
    seeding.trial(other, 2, architecture, cell=known.cell)
    seeding.trial(other, 3, architecture, state="failed", valid_accuracy=None, cell=known.cell)
    rows = shown(signed_in.get("/leaderboard/", {"rows": 100}))
    assert len(rows) == len(set(rows)) == 30
    assert list(board.measurements(known.protocol).filter(cell=known.cell)) == [known]


@pytest.mark.parametrize("sort", ["accuracy", "-accuracy", "macs", "-macs", "params", "-latency", "trial", "cell"])
def test_rows_are_sorted_by_any_column(signed_in, filled, sort):
    rows = shown(signed_in.get("/leaderboard/", {"sort": sort, "rows": 100}))
    column = {"accuracy": "valid_accuracy", "trial": "number", "cell": "cell"}.get(sort.strip("-"), sort.strip("-"))
    trials = filled[0].trials.order_by(("-" if sort.startswith("-") else "") + column)
    assert rows == short(trials)


def test_a_second_click_on_a_head_turns_the_order_around(signed_in, filled):
    text = signed_in.get("/leaderboard/", {"sort": "macs"}).content.decode()
    assert 'aria-sort="ascending"><a href="?sort=-macs"' in text and '<a href="?sort=params"' in text


def test_paging_shows_every_cell_once(signed_in, filled):
    pages = [signed_in.get("/leaderboard/", {"page": page}) for page in (1, 2, 99)]
    first, second, beyond = map(shown, pages)
    assert (len(first), len(second)) == (25, 5) and not set(first) & set(second)
    assert beyond == second, "past the end is the last page"
    assert 'rel="next"' in pages[0].content.decode() and "26 to 30 of 30" in pages[1].content.decode()


def test_ranges_are_in_the_units_of_the_columns(signed_in, filled):
    query = {"macs_min": "1", "macs_max": "2.5", "acc_min": "84", "params_max": "0.06", "rows": 100}
    rows = shown(signed_in.get("/leaderboard/", query))
    wanted = (
        filled[0]
        .trials.filter(macs__gte=1e6, macs__lte=2.5e6, valid_accuracy__gte=0.84, params__lte=0.06e6)
        .order_by("-valid_accuracy")
    )
    assert rows == short(wanted) and rows


def test_wrong_numbers_are_named_at_their_field_and_kept(signed_in, filled):
    text = signed_in.get("/leaderboard/", {"macs_min": "many", "acc_min": "90", "acc_max": "80"}).content.decode()
    assert "many is not a number." in text and 'value="many"' in text
    assert "No cell lies from 90 up to 80." in text and "None of the 30 cells matches." in text


def test_finding_by_hash_operation_family_and_name(signed_in, filled):
    trial = filled[0].trials.get(number=3)
    assert shown(signed_in.get("/leaderboard/", {"q": trial.cell_id[:10]})) == [trial.cell_id[:7]]
    both = shown(signed_in.get("/leaderboard/", {"q": "op:sep_conv_5x5 op:max", "rows": 100}))
    wanted = [
        row
        for row in filled[0].trials.order_by("-valid_accuracy").select_related("cell")
        if "sep_conv_5x5" in (text := json.dumps(row.cell.cells)) and "max_pool" in text
    ]
    assert both == short(wanted) and 0 < len(both) < 30
    assert len(shown(signed_in.get("/leaderboard/", {"q": "first look", "rows": 100}))) == 30
    assert shown(signed_in.get("/leaderboard/", {"q": "nothing-of-the-kind"})) == []
    assert "sep_9x9 is not an operation" in signed_in.get("/leaderboard/", {"q": "op:sep_9x9"}).content.decode()


def test_data_set_narrows_the_protocols(signed_in, filled):
    seeding.dataset("cifar-10", (3, 32, 32))
    pictures = seeding.search(seeding.SMALL | {"data": {"dataset": "cifar-10"}})
    seeding.measured(pictures, 3, seed=4)
    text = signed_in.get("/leaderboard/", {"dataset": "cifar-10", "protocol": filled[0].protocol}).content.decode()
    assert "3 cells measured under one protocol" in text and filled[1].protocol not in text


def test_strategy_filter(signed_in, filled):
    seeding.measured(seeding.search(seeding.SMALL | {"strategy": "ppo"}), 4, seed=5)
    response = signed_in.get("/leaderboard/", {"strategy": "ppo"})
    assert len(shown(response)) == 4 and b"34 cells measured" in response.content


def test_chips_name_each_filter_and_lead_to_the_page_without_it():
    filters = read_filters({"q": "op:sep", "macs_max": "2", "strategy": "ppo", "sort": "macs", "page": "3"})
    chips = dict(filters.chips())
    assert chips["op:sep"] == "strategy=ppo&sort=macs&macs_max=2"
    assert chips["MACs up to 2\u00a0M"] == "q=op%3Asep&strategy=ppo&sort=macs"
    assert chips["found by PPO"] == "q=op%3Asep&sort=macs&macs_max=2"
    assert filters.cleared == "sort=macs"


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 40, ""])
def test_strange_addresses_are_read_as_the_default(page):
    filters = read_filters({"page": page, "rows": "7", "sort": "password", "strategy": "magic"})
    assert (filters.page, filters.rows, filters.sort, filters.strategy) == (1, 25, "-accuracy", "")


def test_number_of_queries_does_not_grow(signed_in, filled):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert signed_in.get("/leaderboard/", {"rows": 200, "q": "op:sep"}).status_code == 200
        return len(queries)

    before = count()
    assert count() < before, "nothing has changed: what was read stays"
    seeding.measured(filled[0], 120, seed=9)
    assert count() == before <= 18


def test_what_is_kept_is_read_anew_after_a_trial_and_after_a_removal(signed_in, filled):
    def number() -> int:
        return len(shown(signed_in.get("/leaderboard/", {"rows": 100})))

    assert number() == number() == 30
    seeding.measured(filled[0], 2, seed=9)
    assert number() == 32
    twin = seeding.search(seeding.SMALL)
    seeding.measured(twin, 3, seed=10)
    assert number() == 35
    twin.delete()
    assert number() == 32


def test_ranking_reads_nothing_but_its_index(filled):
    if connection.vendor != "sqlite":
        pytest.skip("reads SQLite's query plan")
    trials = board.measurements(filled[0].protocol)
    query = (
        board.ordered(trials, "-accuracy")
        .values_list("pk", "valid_accuracy", "macs", "params", "latency", "cell")
        .query
    )
    with connection.cursor() as cursor:
        sql, parameters = query.sql_with_params()
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        plan = " ".join(row[3] for row in cursor.fetchall())
    assert "USING COVERING INDEX leaderboard (state=? AND protocol=?)" in plan


def test_points_hold_the_whole_front_and_a_spread_of_the_rest(filled):
    trials = board.measurements(filled[0].protocol)
    for cost in ("macs", "params", "latency"):
        front, others = board.ranking(trials).points(cost, 10)
        assert len(others) == 10
        costs = [getattr(match, cost) for match in front]
        for match, at in zip(front, costs, strict=True):
            assert not any(getattr(t, cost) < at and t.valid_accuracy >= match.accuracy for t in trials)
        assert costs == sorted(costs)


def test_operation_shares_count_operations(filled):
    trials = board.measurements(filled[0].protocol)
    ranked = board.ranking(trials)
    shares = ranked.shares
    assert shares.best == 2 and shares.counted == 30
    assert sum(best for _, best, _ in shares.rows) == pytest.approx(1) == sum(all_ for _, _, all_ in shares.rows)
    best = trials.order_by("-valid_accuracy")[:2]
    names = [n for t in best for cell in t.cell.cells for _, a, _, b, _ in cell["blocks"] for n in (a, b)]
    share = sum(name.startswith("sep_conv") for name in names) / len(names)
    assert {family: top for family, top, _ in shares.rows}["sep"] == pytest.approx(share)
    assert ranked[:19].shares is None


def test_csv_holds_the_filtered_rows_in_order_and_no_formulas(signed_in, filled):
    evil = seeding.search(seeding.SMALL | {"name": "=HYPERLINK(1)"})
    seeding.measured(evil, 2, seed=6)
    response = signed_in.get("/leaderboard/cells.csv", {"sort": "macs", "macs_max": "3"})
    assert response["Content-Disposition"] == f'attachment; filename="cells-digits-{filled[0].protocol}.csv"'
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    wanted = Trial.objects.filter(protocol=filled[0].protocol, macs__lte=3e6).order_by("macs")
    assert [row["cell"] for row in rows] == [trial.cell_id for trial in wanted]
    assert [row["rank"] for row in rows] == [str(i) for i in range(1, len(rows) + 1)]
    assert float(rows[0]["valid_accuracy"]) == wanted[0].valid_accuracy
    assert {row["search_name"] for row in rows} >= {"'=HYPERLINK(1)"}


def test_json_holds_the_cells_too(signed_in, filled):
    response = signed_in.get("/leaderboard/cells.json", {"protocol": filled[1].protocol})
    rows = json.loads(b"".join(response.streaming_content))
    assert len(rows) == 10 and rows[0]["valid_accuracy"] >= rows[-1]["valid_accuracy"]
    space = read_search(LONGER).build_space()
    trial = Trial.objects.get(search=filled[1], number=rows[0]["trial"])
    cells = space.cells(seeding.Architecture("nasnet", tuple(trial.choices)))
    assert rows[0]["cells"] == [cell.as_json() for cell in cells]


def test_export_of_nothing_is_not_found(signed_in):
    assert signed_in.get("/leaderboard/cells.csv").status_code == 404


def test_what_users_type_is_escaped(signed_in, filled):
    rude = seeding.search(seeding.SMALL | {"name": "<script>alert(1)</script>"})
    seeding.measured(rude, 1, seed=7)
    text = signed_in.get("/leaderboard/", {"q": "<img src=x>"}).content.decode()
    assert "<img src=x>" not in text and "&lt;img src=x&gt;" in text
    every = signed_in.get("/leaderboard/", {"rows": 100}).content.decode()
    assert "<script>alert" not in every and "&lt;script&gt;alert" in every
