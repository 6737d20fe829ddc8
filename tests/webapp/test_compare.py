"""Comparing searches: the form that starts them, what the page says of them, and its exports."""

import csv
import io

import pytest

from nas_engine.search_config import read_search
from tasks import live, messages
from tasks.search import advance_search
from tests.nas_engine.tables import write_201, write_macro
from tests.webapp import seeding
from webapp.figures.comparison import curves
from webapp.forms.matrix import TABLE
from webapp.models import Comparison as Record
from webapp.models import Search, Trial
from webapp.results.comparison import Comparison
from webapp.results.reading import reading

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


def html_of(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def said(html: str, field: str) -> str:
    """The message at a field."""
    return html.split(f'id="f-{field}-said"')[1].split("</p>")[0].replace("&#x27;", "'")


def filled(path, /, **changes) -> dict:
    data = {"base": TABLE, "path": str(path), "strategies": ["random", "local_search"], "seeds": "3", "trials": "25"}
    return data | {"seconds": "0", "short": "on", "name": ""} | changes


@pytest.fixture
def compared(signed_in, table) -> Record:
    """A finished comparison of random search with local search, six seeds."""
    signed_in.post("/compare/", filled(table, seeds="6", trials="60"))
    record = Record.objects.get()
    for search in record.searches.all():
        advance_search(search.pk)
    return record


def test_every_page_needs_a_login(client):
    for path in ("/compare/", "/compare/1/", "/compare/searches.csv"):
        assert client.get(path).url.startswith("/login/")


def test_the_form_starts_strategies_times_seeds_at_equal_budget(signed_in, table):
    response = signed_in.post("/compare/", filled(table, seconds="9000"))
    record = Record.objects.get()
    assert (
        response.url == f"/compare/{record.pk}/"
        and record.name == "2 strategies on NAS-Bench-201 table, cifar10_val_e12"
    )
    searches = list(record.searches.order_by("pk"))
    assert [(s.strategy, s.config["seed"]) for s in searches] == [
        (name, seed) for name in ("random", "local_search") for seed in range(3)
    ]
    assert {s.config["evaluator_config"]["seconds"] for s in searches} == {9000} and len(
        {s.protocol for s in searches}
    ) == 1
    assert "Nothing has been measured yet" in html_of(signed_in.get(response.url))


def test_real_searches_are_compared_alike(signed_in):
    seeding.dataset("digits")
    signed_in.post("/compare/", filled("", base="laptop-demo", strategies=["ppo", "random"], seeds="2"))
    first = Search.objects.order_by("pk").first()
    assert Search.objects.count() == 4 and first.dataset.slug == "digits" and first.config["budget"]["trials"] == 25
    assert first.config["strategy_config"]["learning_rate"] == 0.005 and first.config["skeleton"]["filters"] == 8
    signed_in.post("/compare/", filled("", base=f"search-{first.pk}", strategies=["ppo"], seeds="1", short=""))
    assert Search.objects.order_by("pk").last().config["strategy_config"]["learning_rate"] == 0.00035


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"path": ""}, "path", "Give the path of a table"),
        ({"path": "/nowhere.npz"}, "path", "there is no such file"),
        ({"strategies": []}, "strategies", "Choose one strategy"),
        ({"strategies": ["magic"]}, "strategies", "is not one of"),
        ({"seeds": "0"}, "seeds", "is too small"),
        ({"seeds": "200", "strategies": ["random", "ppo", "grid"]}, "seeds", "more than 400 searches"),
        ({"trials": "many"}, "trials", "is not a whole number"),
        ({"base": "nonsense"}, "base", "no such preset"),
        ({"base": "laptop-demo"}, "base", "data set"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_started(signed_in, table, typed, field, says):
    html = html_of(signed_in.post("/compare/", filled(table, **typed)))
    assert "Nothing was started" in html
    assert says in said(html, field)
    assert not Search.objects.exists() and not Record.objects.exists()


def test_a_time_needs_a_table_with_times(signed_in, tmp_path):
    html = html_of(signed_in.post("/compare/", filled(write_macro(tmp_path / "m.npz"), seconds="5")))
    assert "holds no training times" in said(html, "seconds")


def test_the_page_tells_results_differences_and_what_they_mean(signed_in, compared):
    html = html_of(signed_in.get(f"/compare/{compared.pk}/"))
    for part in (
        "Local search has the best mean",
        "cifar10_test_e200, %",
        "figure-trials",
        "figure-time",
        "figure-macs",
    ):
        assert part in html
    assert "What the best cells are made of" in html and "Pareto fronts" in html and 'data-live="' not in html
    groups = Comparison(compared.searches.all()).groups
    assert [group.label for group in groups] == ["Local search", "Random"]
    assert groups[0].result.mean > groups[1].result.mean and groups[0].result.n == 6


def test_searches_are_judged_by_the_accuracy_after_full_training(compared, table):
    import numpy

    arrays = numpy.load(table)
    for run in Comparison(compared.searches.all()).runs:
        choices = run.search.trials.get(number=run.best.number).choices
        (row,) = numpy.where((arrays["ops"] == choices).all(axis=1))[0]
        assert run.final == pytest.approx(arrays["cifar10_test_e200"][row] / 100)


def test_without_its_table_it_compares_what_the_searches_saw(signed_in, compared, table):
    table.unlink()
    html = html_of(signed_in.get(f"/compare/{compared.pk}/"))
    assert "best valid accuracy, %" in html


def test_searches_chosen_on_their_page_stand_beside_each_other(signed_in, compared, table):
    pks = list(compared.searches.values_list("pk", flat=True))[:4]
    html = html_of(signed_in.get("/compare/?" + "&".join(f"search={pk}" for pk in pks)))
    assert "4 searches" in html
    assert signed_in.get("/compare/?search=999").status_code == 404
    assert signed_in.get("/compare/?search=x").status_code == 404


def test_the_list_of_searches_has_a_box_for_each_but_hides_those_of_comparisons(signed_in, compared):
    alone = seeding.search()
    html = html_of(signed_in.get("/searches/"))
    assert f'name="search" value="{alone.pk}"' in html and 'action="/compare/"' in html
    assert html.count('name="search"') == 1


def test_another_protocol_is_left_out_and_named(signed_in):
    first, second = seeding.search(), seeding.search(seeding.SMALL | {"strategy": "ppo"})
    other = seeding.search(seeding.SMALL | {"name": "Longer", "training": {"epochs": 99}})
    for search in (first, second, other):
        seeding.measured(search, 5, seed=search.pk)
    html = html_of(signed_in.get(f"/compare/?search={first.pk}&search={second.pk}&search={other.pk}"))
    assert "1 search left out" in html and "Longer" in html


def test_the_same_strategy_with_other_settings_stands_apart():
    settings = [{"batch": 10}, {"batch": 20}]
    for own in settings:
        seeding.measured(seeding.search(seeding.SMALL | {"strategy": "ppo", "strategy_config": own}), 3)
    labels = [group.label for group in Comparison(Search.objects.all()).groups]
    assert sorted(labels) == ["PPO, trials an update 10", "PPO, trials an update 20"]


def test_time_is_that_of_training_not_of_what_was_known():
    search = seeding.search()
    first, second = seeding.measured(search, 2)
    Trial.objects.filter(pk=second.pk).update(state="reused", same_as=first)
    (run,) = Comparison([search]).runs
    assert run.seconds == pytest.approx(first.seconds)
    assert [count for count, _, _ in run.climb] == [1, 2]


def test_a_failed_trial_counts_as_a_trial_and_has_no_value():
    search = seeding.search()
    rows = seeding.measured(search, 3)
    Trial.objects.filter(pk=rows[0].pk).update(state="failed", reward=None, valid_accuracy=None)
    (run,) = Comparison([search]).runs
    assert [count for count, _, _ in run.climb] == [2, 3]
    assert Comparison([search]).groups[0].failed == 1


# ---- the reading


def three_seeds(values: dict[str, list[float]]) -> list[Search]:
    searches = []
    for strategy, bests in values.items():
        for seed, best in enumerate(bests):
            search = seeding.search(seeding.SMALL | {"strategy": strategy, "seed": seed})
            (trial,) = seeding.measured(search, 1, seed=seed)
            Trial.objects.filter(pk=trial.pk).update(valid_accuracy=best, reward=best)
            searches.append(search)
    return searches


def test_three_seeds_cannot_tell_anything_apart():
    words = " ".join(reading(Comparison(three_seeds({"ppo": [0.92, 0.93, 0.94], "random": [0.80, 0.81, 0.82]}))))
    assert "PPO has the best mean: 93.00 ± 2.48 (n = 3), 12.00 points above Random, the last" in words
    assert "PPO and Random cannot be told apart at n = 3" in words
    assert "With 3 seeds the smallest p there can be is 0.25: take 6 or more" in words


def test_six_seeds_tell_a_clear_difference():
    high, low = [0.9 + seed / 1000 for seed in range(6)], [0.8 + seed / 500 for seed in range(6)]
    words = " ".join(reading(Comparison(three_seeds({"ppo": high, "random": low}))))
    assert "It is better than Random by more than luck (p ≤ 0.05)" in words


def test_no_strategy_beats_random_search_is_said():
    words = " ".join(reading(Comparison(three_seeds({"ppo": [0.8, 0.81], "random": [0.9, 0.91]}))))
    assert "No strategy beats random search" in words


def test_equal_means_are_not_called_better():
    searches = three_seeds({"ppo": [0.9], "random": [0.9]})
    assert reading(Comparison(searches))[0] == "PPO and Random have the same mean: 90.00."
    searches += three_seeds({"regularized_evolution": [0.8]})
    first = reading(Comparison(searches))[0]
    assert first == (
        "PPO and Random share the best mean: 90.00 (n = 1), 10.00 points above Regularized evolution, the last."
    )


def test_a_single_result_is_drawn_as_a_point_and_counted(signed_in):
    (search,) = three_seeds({"ppo": [0.9]})
    waiting = seeding.search(seeding.SMALL | {"strategy": "ppo", "seed": 1})
    found = Comparison([search, waiting])
    figure = curves(found.groups, "trials", "y")
    assert [mark["mode"] for mark in figure["data"]] == ["markers"]
    low, high = figure["layout"]["yaxis"]["range"]
    assert low <= 89.5 and high >= 90.5
    page = signed_in.get(f"/compare/?search={search.pk}&search={waiting.pk}").content.decode()
    assert "1 of 2</td>" in page


def test_unequal_budgets_and_searches_under_way_are_said():
    searches = three_seeds({"ppo": [0.8, 0.81], "random": [0.9, 0.91]})
    config = searches[0].config | {"budget": searches[0].config["budget"] | {"trials": 7}}
    Search.objects.filter(pk=searches[0].pk).update(config=config, state="running")
    words = " ".join(reading(Comparison(Search.objects.order_by("pk"))))
    assert "The budgets differ (300 trials; 7 trials)" in words and "1 of 4 searches are still under way" in words


# ---- exports, live, stop


def test_the_exports_hold_what_the_page_shows(signed_in, compared):
    rows = list(csv.DictReader(io.StringIO(signed_in.get(f"/compare/{compared.pk}/searches.csv").content.decode())))
    data = signed_in.get(f"/compare/{compared.pk}/searches.json").json()
    assert len(rows) == 12 == len(data["searches"])
    assert {row["strategy"] for row in rows} == {"random", "local_search"} and all(
        float(row["result"]) > 0.7 for row in rows
    )
    assert [one["n"] for one in data["strategies"]] == [6, 6] and data["pairs"][0]["exact"] is True
    assert data["pairs"][0]["n"] == 6 and data["reading"][0].startswith("Local search has")


def test_the_page_follows_while_searches_run(signed_in, table):
    signed_in.post("/compare/", filled(table, seeds="1"))
    record = Record.objects.get()
    html = html_of(signed_in.get(f"/compare/{record.pk}/"))
    url = html.split('data-live="')[1].split('"')[0]
    version = html.split('data-live-version="')[1].split('"')[0]
    assert signed_in.get(url, {"since": version}).status_code == 204
    for search in record.searches.all():
        advance_search(search.pk)
    last = signed_in.get(url, {"since": version})
    assert last.status_code == 286 and "Local search" in last.content.decode()


def test_stopping_ends_what_has_not_ended(signed_in, table):
    signed_in.post("/compare/", filled(table))
    record = Record.objects.get()
    advance_search(record.searches.order_by("pk").first().pk)
    signed_in.post(f"/compare/{record.pk}/stop/")
    states = list(record.searches.order_by("pk").values_list("state", flat=True))
    assert states == ["finished", *["stopped"] * 5]


def test_figures_hold_at_most_5000_points(compared):
    from webapp.figures import comparison as figures
    from webapp.figures.base import MOST_POINTS

    found = Comparison(compared.searches.all())
    for figure in (
        figures.curves(found.groups, "trials", "y"), figures.curves(found.groups, "seconds", "y"),
        figures.fronts(found.groups, "macs"),
    ):  # fmt: skip
        assert sum(len(mark["x"]) for mark in figure["data"]) <= MOST_POINTS
    assert "Local search" in figures.curves(found.groups, "trials", "y")["label"]


def test_the_page_asks_few_questions(signed_in, compared, django_assert_max_num_queries):
    with django_assert_max_num_queries(14):
        signed_in.get(f"/compare/{compared.pk}/")


def test_a_comparison_is_read_back_from_its_configuration(compared):
    for search in compared.searches.all():
        assert read_search(search.config).evaluator == "tabular"
