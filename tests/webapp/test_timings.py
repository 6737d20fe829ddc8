"""Where the time went, on the pages of a trial and of its search."""

import random
import re

import pytest

from nas_engine.search_config import read_search
from tests.webapp import seeding
from webapp.models import Search, Trial
from webapp.results.timings import slices

pytestmark = pytest.mark.django_db
TOOK = {"queue": 30.0, "data": 0.5, "train": 54.0, "evaluate": 4.5, "store": 0.05, "lost": 0.95}


@pytest.fixture
def search() -> Search:
    """Trial 1 was trained in its second attempt, trial 2 took its result over, trial 3 is from before times were kept."""
    search = seeding.search(seeding.SMALL, timings=TOOK)
    first, _ = seeding.measured(search, 2)
    Trial.objects.filter(pk=first.pk).update(timings=TOOK, attempt=1)
    architecture = read_search(search.config).build_space().sample(random.Random(1))
    Trial.objects.filter(search=search, number=2).update(number=3)
    seeding.trial(search, 2, architecture, first.cell, state="reused", same_as=first, curve=[])
    return search


def rows_of(text: str) -> list[list[str]]:
    table = re.search(r'<table class="table compact times-table">(.*?)</table>', text, re.DOTALL)
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", table[1]) if table else []
    return [[re.sub(r"<.*?>", "", cell) for cell in re.split(r"</th>|</td>", row)[:-1]] for row in rows]


def test_slices_cover_the_bar_in_order():
    found = slices(TOOK)
    assert [one.name for one in found] == ["queue", "data", "train", "evaluate", "store", "lost"]
    assert sum(one.share for one in found) == pytest.approx(1)
    ends = [float(one.x[:-1]) + float(one.width[:-1]) for one in found]
    assert [float(one.x[:-1]) for one in found[1:]] == pytest.approx(ends[:-1], abs=0.002)
    assert slices(TOOK, waiting=False)[0].share == pytest.approx(0.5 / 60)
    assert slices({}) == [] == slices({"train": 0.0})


def test_a_trial_shows_its_phases_and_its_attempt(signed_in, search):
    text = signed_in.get(f"/searches/{search.pk}/trials/1/").content.decode()
    assert rows_of(text)[2] == ["Training", "54\u00a0s", "60.0\u00a0%"]
    assert rows_of(text)[4:] == [
        ["Storing", "50\u00a0ms", "0.1\u00a0%"],
        ["Attempts given up", "950\u00a0ms", "1.1\u00a0%"],
    ]
    assert "attempt 2" in text and 'aria-label="Waiting for a worker 33' in text


def test_a_reused_trial_says_whose_times_it_shows(signed_in, search):
    text = signed_in.get(f"/searches/{search.pk}/trials/2/").content.decode()
    assert "Nothing was trained for this trial" in text
    assert f'<a href="/searches/{search.pk}/trials/1/">trial 1</a> went' in text
    assert rows_of(text)[2][1] == "54\u00a0s"


def test_a_trial_from_before_says_what_is_known_of_it(signed_in, search):
    text = signed_in.get(f"/searches/{search.pk}/trials/3/").content.decode()
    assert not rows_of(text) and "<dt>Took</dt>" in text and "Build, training, measuring" in text


def test_a_search_sums_up_what_its_workers_did(signed_in, search):
    text = signed_in.get(f"/searches/{search.pk}/").content.decode()
    assert "1\u00a0min of workers" in text and "waited 30\u00a0s for a worker" in text
    assert rows_of(text)[1] == ["Training", "54\u00a0s", "90.0\u00a0%"]
    Search.objects.filter(pk=search.pk).update(timings={})
    assert "Where the time went" not in signed_in.get(f"/searches/{search.pk}/").content.decode()
