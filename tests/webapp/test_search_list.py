"""The list of searches: finding, sorting, what is under way, and pausing from it."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.webapp import seeding
from webapp.models import Search, Worker
from webapp.results.pace import left, spent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]


def made(name: str, state: str = "finished", trials: int = 40, **fields) -> Search:
    config = seeding.SMALL | {"name": name, "budget": {"trials": trials}} | fields.pop("config", {})
    return seeding.search(config, state=state, **fields)


def html(client, **query) -> str:
    return client.get("/searches/", query).content.decode()


def names(text: str) -> list[str]:
    return re.findall(r'<td class="who"><a class="cellname" href="/searches/\d+/">(.*?)</a>', text)


def words(text: str) -> str:
    return " ".join(re.sub(r"<.*?>", " ", text).split())


def test_words_find_by_name_protocol_and_strategy(signed_in):
    made("Alpha one")
    made("Beta", config={"strategy": "regularized_evolution"})
    made("Gamma", config={"training": seeding.SMALL["training"] | {"epochs": 20}})
    assert names(html(signed_in)) == ["Gamma", "Beta", "Alpha one"]
    assert names(html(signed_in, q="alp")) == ["Alpha one"]
    assert names(html(signed_in, q="evolution")) == ["Beta"]
    assert names(html(signed_in, q="20 epochs gam")) == ["Gamma"]
    assert names(html(signed_in, q="owner")) == ["Gamma", "Beta", "Alpha one"]
    text = html(signed_in, q="<nobody>")
    assert "No search has “&lt;nobody&gt;”" in text and 'value="&lt;nobody&gt;"' in text


def test_counts_of_the_tabs_are_of_what_was_found_and_links_keep_the_words(signed_in):
    made("Alpha")
    made("Alpha two", "stopped")
    made("Beta", "stopped")
    text = html(signed_in, q="alpha", sort="name")
    assert "All 2" in words(text) and "Stopped or failed 1" in words(text)
    assert "?state=ended&amp;q=alpha&amp;sort=name" in text
    assert names(html(signed_in, q="alpha", sort="name", state="ended")) == ["Alpha two"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["b", "c", "a"]), ("created", ["a", "c", "b"]), ("name", ["a", "b", "c"]), ("-name", ["c", "b", "a"]),
        ("-time", ["a", "b", "c"]), ("time", ["c", "b", "a"]), ("rubbish", ["b", "c", "a"]),
    ],
)  # fmt: skip
def test_heads_sort_and_say_so(signed_in, sort, expected):
    for name, seconds in (("a", 30.0), ("c", 10.0), ("b", 20.0)):
        made(name, active_seconds=seconds)
    text = html(signed_in, sort=sort)
    assert names(text) == expected and text.count("aria-sort=") == 1


def test_pages_keep_words_and_order(signed_in):
    for number in range(21):
        made(f"Many {number:02}")
    text = html(signed_in, q="many", sort="name")
    assert names(text)[0] == "Many 00" and 'href="?q=many&amp;sort=name&amp;page=2" rel="next"' in text
    assert names(html(signed_in, q="many", sort="name", page=2)) == ["Many 20"]


def test_what_is_under_way_says_how_long_it_took_and_will_take(signed_in):
    now = timezone.now()
    running = made("Running", "running", 40, started=now, resumed=now - timedelta(minutes=10), ended=None)
    seeding.measured(running, 10)
    text = words(html(signed_in))
    assert "10 of 40" in text and "10 min" in text and "30 min left" in text
    assert "No train worker is alive." in text
    Worker.objects.create(
        name="train-0@elm", host="elm", queue="train", pid=1, started=now, heartbeat=now + timedelta(minutes=1)
    )
    assert "No train worker is alive." not in words(html(signed_in))


def test_time_left_keeps_to_the_budget_and_the_state():
    now = timezone.now()
    config = {"budget": {"trials": 40, "hours": 0.25}}
    search = made(
        "Timed", "running", config=config, resumed=now - timedelta(minutes=10), active_seconds=60.0, ended=None
    )
    assert spent(search) == pytest.approx(660, abs=5) and left(search, 10) == pytest.approx(240, abs=5)
    assert left(search, 0) == pytest.approx(240, abs=5)
    search.config["budget"]["hours"] = 0
    assert left(search, 10) == pytest.approx(1980, abs=15) and left(search, 0) is None
    search.state = "paused"
    assert left(search, 10) is None


def test_a_failed_search_says_why(signed_in):
    made("Broken", "failed", reason="Out of memory <b>")
    assert "Out of memory &lt;b&gt;" in html(signed_in)


def test_pausing_and_resuming_from_the_list_lead_back_to_it(signed_in):
    search = made("Under way", "running", ended=None)
    here = "/searches/?q=under"
    text = html(signed_in, q="under")
    assert f'formaction="{reverse("search-pause", args=[search.pk])}"' in text and f'value="{here}"' in text
    answer = signed_in.post(reverse("search-pause", args=[search.pk]), {"next": here})
    assert answer.url == here and Search.objects.get(pk=search.pk).state == "paused"
    assert f'aria-label="Resume {search.name}"' in html(signed_in)
    away = signed_in.post(reverse("search-resume", args=[search.pk]), {"next": "https://elsewhere.example/"})
    assert away.url == "/" and Search.objects.get(pk=search.pk).state == "queued"
    assert signed_in.post(reverse("search-pause", args=[search.pk])).url == reverse("search", args=[search.pk])


@pytest.mark.parametrize(
    ("state", "said"),
    [("active", "Nothing is under way."), ("finished", "None has finished yet."), ("ended", "None was")],
)
def test_an_empty_tab_says_what_to_do(signed_in, state, said):
    made("Other", "paused" if state != "active" else "finished", ended=None)
    assert said in html(signed_in, state=state)
