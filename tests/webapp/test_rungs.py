"""The rungs of successive halving on the pages of a trial, its cell and its search."""

import re

import pytest

from tests.webapp import seeding
from webapp.models import RungResult, Trial
from webapp.results.rungs import history_of, ladder_of

ASHA = seeding.SMALL | {
    "name": "Halving",
    "evaluator_config": {"early_stopping": "asha", "minimum_epochs": 1, "reduction_factor": 3},
}


@pytest.fixture
def halving(owner):
    return seeding.halved(ASHA)


def text_of(response) -> str:
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def section(client, path: str, name: str = "rungs") -> str:
    """The words of one section of a page."""
    html = client.get(path).content.decode()
    found = re.search(rf'<section class="sec" id="{name}".*?</section>', html, re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])) if found else ""


def test_a_history_has_the_rank_on_arrival_and_by_now(halving):
    history = history_of(halving.trials.get(number=1))
    assert [(one.result.epoch, one.on_arrival, one.by_now, one.why) for one in history.standings] == [
        (1, "1st of 1", "3rd of 9", "the best"),
        (3, "1st of 1", "3rd of 3", "the best"),
    ]
    late = history_of(halving.trials.get(number=9)).standings[0]
    assert (late.on_arrival, late.why, late.result.goes_on) == ("6th of 9", "not among the best 3", False)


def test_ladder_counts_who_reached_each_rung_and_says_what_it_takes(halving):
    ladder = ladder_of(halving)
    assert (ladder.reduction, ladder.epochs) == (3, 8)
    assert [(one.epoch, one.reached, one.went_on, one.ended) for one in ladder.rungs] == [(1, 9, 3, 6), (3, 3, 2, 1)]
    assert ladder.whole == halving.trials.filter(state=Trial.State.FINISHED).count() == 2
    accuracies = sorted(halving.rungs.filter(epoch=1).values_list("accuracy", flat=True))
    assert ladder.rungs[0].cutoff == accuracies[-3]
    widths = [float(width.rstrip("%")) for _, _, width in ladder.rungs[1].bar]
    assert widths == pytest.approx([100 * 2 / 9, 100 / 9], abs=0.001)


def test_rungs_that_nobody_has_reached_are_there_and_other_rules_have_none(owner):
    ladder = ladder_of(seeding.search(ASHA))
    assert [(one.epoch, one.reached, one.cutoff, one.bar[0][2]) for one in ladder.rungs] == [
        (1, 0, None, "0.000%"),
        (3, 0, None, "0.000%"),
    ]
    assert ladder_of(seeding.search(seeding.SMALL)) is None
    assert ladder_of(seeding.search(seeding.SMALL | {"evaluator_config": {"early_stopping": "median"}})) is None


def test_the_search_page_shows_its_rungs(halving, signed_in):
    words = section(signed_in, f"/searches/{halving.pk}/")
    assert "of 3 that reach one, the best goes on" in words
    cut = sorted(halving.rungs.filter(epoch=1).values_list("accuracy", flat=True))[-3]
    assert f" 1 9 3 6 {100 * cut:.2f} " in words and "8 2 trained to the end, and ranked" in words
    plain = seeding.search(seeding.SMALL)
    assert section(signed_in, f"/searches/{plain.pk}/") == ""
    assert "Rungs" in text_of(signed_in.get(f"/searches/{halving.pk}/search.html"))


def test_a_trial_page_says_where_it_stood_and_why_it_stopped(halving, signed_in):
    ended = halving.trials.get(number=9)
    words = section(signed_in, f"/searches/{halving.pk}/trials/9/")
    assert "stopped not among the best 3 6th of 9 6th of 9" in words
    whole = text_of(signed_in.get(f"/searches/{halving.pk}/trials/9/"))
    assert (
        "Trial 9 was stopped early" in whole
        and " ".join(ended.error.split()) in whole
        and "no leaderboard ranks it" in whole
    )
    first = section(signed_in, f"/searches/{halving.pk}/trials/1/")
    assert "went on the best 1st of 1 3rd of 9" in first


def test_a_copy_shows_the_rungs_of_the_trial_it_takes_after(halving, signed_in):
    ended = halving.trials.get(number=9)
    again = {"state": "pruned", "same_as": ended, "curve": [], "valid_accuracy": None, "error": ended.error}
    Trial.objects.create(search=halving, number=10, cell=ended.cell, choices=ended.choices, **again)
    words = section(signed_in, f"/searches/{halving.pk}/trials/10/")
    assert "of trial 9 , whose result this is" in words and "6th of 9" in words


def test_the_family_of_a_cell_has_its_rungs_also_where_it_was_only_ended(halving, signed_in):
    first, ended = halving.trials.get(number=1), halving.trials.get(number=9)
    measured = text_of(signed_in.get(f"/cells/{first.cell_id}/around/"))
    assert "Rungs of trial 1 of Halving" in measured and "1st of 1" in measured
    stopped = text_of(signed_in.get(f"/cells/{ended.cell_id}/around/"))
    assert "trial 9 of Halving, which was stopped early and is ranked nowhere" in stopped
    assert ended.cell_id[:7] not in text_of(signed_in.get(f"/leaderboard/?protocol={halving.protocol}"))


def test_the_api_gives_a_trial_its_rungs(halving, signed_in):
    answer = signed_in.get(f"/api/v1/searches/{halving.pk}/trials/9").json()
    assert answer["rungs"][0] | {"accuracy": 0, "cutoff": 0} == {
        "epoch": 1, "accuracy": 0, "rank": 6, "of": 9, "places": 3, "cutoff": 0, "goes_on": False,
    }  # fmt: skip


def test_deleting_a_search_takes_its_rungs_along(halving):
    halving.delete()
    assert not RungResult.objects.exists()
