"""Cells measured from several seeds: mean and spread by name, never mixed into a rank; and the way to get them."""

import csv
import io
import json
import re
from statistics import fmean, stdev

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nas_engine.search_config import read_search
from tests.webapp import seeding
from webapp.models import FullTraining, Search, TrainingRun, Trial
from webapp.results.board import measurements, ranking
from webapp.results.protocols import measured_protocols, siblings
from webapp.results.ranking import Ranking
from webapp.results.seeds import by_mean, over_seeds, over_seeds_of_all, spread
from webapp.services.owner import local_owner
from webapp.services.seeds import train_more_seeds

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]


def from_seed(seed: int, **training) -> Search:
    changed = seeding.SMALL["training"] | {"seed": seed} | training
    return seeding.search(seeding.SMALL | {"name": f"Seed {seed}", "training": changed})


@pytest.fixture
def board():
    """Thirty cells from seed 0; the first two again from seed 1, the first also from seed 2; one from another length."""
    first = from_seed(0)
    trials = seeding.measured(first, 30)
    for seed, again in ((1, trials[:2]), (2, trials[:1])):
        other = from_seed(seed)
        for number, trial in enumerate(again, start=1):
            values = {"valid_accuracy": 0.5 + seed / 10 + number / 100}
            seeding.trial(other, number, seeding.Architecture("nasnet", tuple(trial.choices)), trial.cell, **values)
    longer = from_seed(1, epochs=20)
    seeding.trial(longer, 1, seeding.Architecture("nasnet", tuple(trials[0].choices)), trials[0].cell)
    Trial.objects.filter(pk=trials[0].pk).update(valid_accuracy=0.9)
    Trial.objects.filter(pk=trials[1].pk).update(valid_accuracy=0.97)
    return first, trials


def rows_of(response) -> dict[str, str]:
    """Short hash -> its column of means, in the order shown."""
    text = response.content.decode()
    found = {}
    for key, row in re.findall(r'<tr data-id="([0-9a-f]{7})">(.*?)</tr>', text, re.DOTALL):
        cells = [
            re.sub(r"\s+", " ", re.sub(r"<.*?>", "", cell)).strip()
            for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)
        ]
        found[key] = cells[5]
    return found


def test_protocols_that_differ_in_the_seed_alone_are_one_family(board):
    protocols = measured_protocols()
    labels = {each.label for each in protocols}
    assert labels == {
        "digits, 8 epochs, N 1, F 8, seed 0",
        "digits, 8 epochs, N 1, F 8, seed 1",
        "digits, 8 epochs, N 1, F 8, seed 2",
        "digits, 20 epochs, N 1, F 8",
    }
    assert [each.seed for each in siblings(protocols[0], protocols)] == [0, 1, 2]
    hotter = from_seed(0, learning_rate=0.5)
    seeding.measured(hotter, 1, seed=8)
    labels = [each.label for each in measured_protocols() if each.fingerprint == hotter.protocol]
    assert labels == [f"digits, 8 epochs, N 1, F 8 ({hotter.protocol[:6]})"]


def test_mean_and_spread_count_a_seed_once(board):
    first, trials = board
    names = [each.fingerprint for each in siblings(measured_protocols()[0], measured_protocols())]
    again = from_seed(1)  # trained once more from the same seed: no further measurement
    architecture = seeding.Architecture("nasnet", tuple(trials[0].choices))
    seeding.trial(again, 1, architecture, trials[0].cell, valid_accuracy=0.1)
    ranked = ranking(measurements(first.protocol))
    found = over_seeds_of_all(ranked, names[1:])
    assert found == over_seeds(names, [row.cell for row in ranked])
    assert set(found) == {trials[0].cell_id, trials[1].cell_id}
    assert found[trials[0].cell_id].number == 3
    assert found[trials[0].cell_id].mean == pytest.approx(fmean([0.9, 0.61, 0.71]))
    assert found[trials[0].cell_id].std == pytest.approx(stdev([0.9, 0.61, 0.71]))
    assert over_seeds(names, [trials[1].cell_id]) == {trials[1].cell_id: spread([0.97, 0.62])}
    assert over_seeds(names[:1], [trials[1].cell_id]) == over_seeds_of_all(ranked, []) == {}


def test_the_column_says_what_is_put_together_and_ranks_stay(signed_in, board):
    first, trials = board
    plain = signed_in.get("/leaderboard/", {"rows": 100, "cols": "macs"})
    response = signed_in.get("/leaderboard/", {"rows": 100})
    rows, text = rows_of(response), response.content.decode()
    assert list(rows) == list(rows_of(plain)) and len(rows) == 30
    assert rows[trials[0].cell_id[:7]] == "74.00 ± 14.73 n=3" and rows[trials[1].cell_id[:7]] == "79.50 ± 24.75 n=2"
    assert list(rows.values()).count("–") == 28
    assert "which differ in nothing else" in text and f"protocol={from_seed(1).protocol}" in text
    assert "Over seeds" not in plain.content.decode().split("<thead")[1].split("</thead>")[0]


def test_rows_sort_by_the_mean_and_those_measured_once_come_last(signed_in, board):
    _, trials = board
    best, other = trials[1].cell_id[:7], trials[0].cell_id[:7]
    down = list(rows_of(signed_in.get("/leaderboard/", {"sort": "-seeds", "rows": 100})))
    up = list(rows_of(signed_in.get("/leaderboard/", {"sort": "seeds", "rows": 100})))
    assert down[:2] == [best, other] and up[:2] == [other, best] and down[2:] == up[2:]
    second = rows_of(signed_in.get("/leaderboard/", {"sort": "-seeds", "page": 2}))
    assert len(second) == 5 and not set(second) & set(down[:25])


def test_without_other_seeds_the_column_stays_away_until_asked_for(signed_in):
    seeding.measured(from_seed(0), 3)
    assert "Over seeds" not in signed_in.get("/leaderboard/").content.decode()
    text = signed_in.get("/leaderboard/", {"cols": "seeds"}).content.decode()
    assert "Over seeds, %" in text and "from another seed yet" in text


def test_exports_hold_number_mean_and_spread(signed_in, board):
    _, trials = board
    table = signed_in.get("/leaderboard/cells.csv", {"sort": "-seeds"}).getvalue().decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["cell"] for row in rows[:2]] == [trials[1].cell_id, trials[0].cell_id] and len(rows) == 30
    assert (rows[1]["seeds"], float(rows[1]["mean_over_seeds"])) == ("3", pytest.approx(0.74))
    assert float(rows[1]["std_over_seeds"]) == pytest.approx(stdev([0.9, 0.61, 0.71]))
    assert (rows[5]["seeds"], rows[5]["mean_over_seeds"], rows[5]["std_over_seeds"]) == (
        "1",
        rows[5]["valid_accuracy"],
        "",
    )
    found = json.loads(signed_in.get("/leaderboard/cells.json").getvalue())
    assert {row["cell"]: row["seeds"] for row in found}[trials[0].cell_id] == 3


def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(signed_in, board):
    def queries(**query) -> int:
        with CaptureQueriesContext(connection) as found:
            signed_in.get("/leaderboard/", query)
        return len(found)

    queries()
    assert queries(rows=25, sort="-seeds") == queries(rows=100, sort="-seeds")


def test_a_full_training_stands_beside_with_its_seeds(signed_in, board):
    first, trials = board
    fields = {"owner": local_owner(), "cell": trials[0].cell, "dataset": first.dataset, "config": {}}
    training = FullTraining.objects.create(
        **fields, name="Full", protocol_summary="600 epochs", test_mean=0.95, test_std=0.01, state="finished"
    )
    for seed in range(3):
        TrainingRun.objects.create(training=training, seed=seed, token=str(seed), state="finished", test_accuracy=0.95)
    text = signed_in.get("/leaderboard/", {"cols": "full", "rows": 100}).content.decode()
    assert (
        f'<a href="/trainings/{training.pk}/" title="600 epochs">95.00</a>' in text
        and "± 1.00" in text
        and "n=3" in text
    )


def test_a_cell_page_shows_its_seeds(signed_in, board):
    _, trials = board
    text = signed_in.get(f"/cells/{trials[0].cell_id}/").content.decode()
    assert "<dt>Over 3 seeds</dt>" in text and "74.00" in text and "± 14.73" in text
    assert "<dt>Over" not in signed_in.get(f"/cells/{trials[5].cell_id}/").content.decode()


def test_each_cell_is_trained_from_the_next_seeds_it_lacks(signed_in, board):
    first, trials = board
    keys = [trials[0].cell_id, trials[1].cell_id, trials[2].cell_id]
    data = {"do": "seeds", "cell": keys, "protocol": first.protocol, "more": "2", "next": "/leaderboard/"}
    before = set(Search.objects.values_list("pk", flat=True))
    response = signed_in.post("/leaderboard/selection/", data, follow=True)
    assert "3 cells will be trained again: seeds 1, 2, 3, 4, as 4 searches" in response.content.decode()
    made = Search.objects.exclude(pk__in=before).order_by("pk")
    cells = {}
    for search in made:
        config = read_search(search.config)
        space = config.build_space()
        found = [space.key(seeding.Architecture("listed", (at,))) for at in range(len(space.choices[0].options))]
        cells[config.training.seed] = found
        assert (config.strategy, config.budget.trials) == ("grid", len(found)) and search.state == "queued"
        assert search.protocol == from_seed(config.training.seed).protocol
    assert cells == {1: keys[2:], 2: keys[1:], 3: keys[:2], 4: keys[:1]}


def test_what_is_under_way_is_not_asked_for_twice(board):
    first, trials = board
    key = trials[3].cell_id
    seeds = [
        [search.config["training"]["seed"] for search in train_more_seeds(local_owner(), [key], first.protocol, 2)]
        for _ in range(2)
    ]
    assert seeds == [[1, 2], [3, 4]]


@pytest.mark.parametrize("more", ["0", "many", "21"])
def test_wrong_numbers_of_seeds_are_refused(signed_in, board, more):
    first, trials = board
    data = {"protocol": first.protocol, "more": more, "next": "/leaderboard/"}
    response = signed_in.post(f"/cells/{trials[0].cell_id}/seeds/", data, follow=True)
    assert "Ask for 1 to 20 seeds" in response.content.decode() and Search.objects.filter(state="queued").count() == 0
    assert signed_in.post(f"/cells/{'0' * 64}/seeds/", data).status_code == 404


def test_a_protocol_of_nothing_known_is_refused(signed_in, board):
    _, trials = board
    data = {"protocol": "123456789abc", "next": "/leaderboard/"}
    response = signed_in.post(f"/cells/{trials[0].cell_id}/seeds/", data, follow=True)
    assert "There is no search with this protocol." in response.content.decode()


def test_early_stopping_limits_and_shared_weights_hold_no_training_back(board):
    strict = seeding.SMALL | {
        "evaluator_config": {"early_stopping": "median"}, "limits": {"max_params": 0.000001}, "name": "Strict",
    }  # fmt: skip
    search = seeding.search(strict)
    for origin in (search, Search.objects.get(pk=seeding.supernet())):
        trial = seeding.measured(from_seed(77), 1, seed=origin.pk)[0]
        made = train_more_seeds(local_owner(), [trial.cell_id], origin.protocol, 1)[0]
        config = read_search(made.config)
        assert config.evaluator == "standalone" and config.evaluator_config["early_stopping"] == "none"
        assert config.limits.max_params == 0


def test_order_by_the_mean():
    rows = Ranking([(pk, 0.9, 0, 0, None, cell) for pk, cell in enumerate("abcd", start=1)])
    over = {"b": 0.15, "d": 0.5}
    assert by_mean(rows, over, down=True) == [4, 2, 1, 3] and by_mean(rows, over, down=False) == [2, 4, 1, 3]
