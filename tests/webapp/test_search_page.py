"""The pages of searches and trials: what they tell, how they stay up to date, what can be done from them."""

import json
import random
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from nas_engine.search_config import read_search
from tests.webapp import seeding
from webapp.models import LogLine, PolicyUpdate, Search, Trial, Weights, Worker
from webapp.views.search_page import SearchPage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]
STEERED = seeding.SMALL | {"strategy": "ppo", "name": "Digits under 2 M", "reward": {"goal": "macs", "target": 2.0}}


@pytest.fixture
def running():
    """A running search: six measured trials, one failed, one reused, one in training, one queued."""
    now = timezone.now()
    search = seeding.search(STEERED, state="running", started=now, resumed=now - timedelta(minutes=8), ended=None)
    seeding.measured(search, 6)
    for number, (accuracy, macs) in enumerate(
        [(0.5, 1), (0.9, 3), (0.7, 1.5), (0.6, 1.2), (0.8, 2.5), (0.4, 1)], start=1
    ):
        search.trials.filter(number=number).update(valid_accuracy=accuracy, macs=macs * 10**6, seconds=60)
    space, rng = read_search(STEERED).build_space(), random.Random(99)
    nothing = dict.fromkeys(("valid_accuracy", "reward", "params", "macs", "latency", "seconds", "ended"))
    error = {"error": "The loss became NaN at epoch 3 <b>", "advice": "Take a smaller learning rate."}
    seeding.trial(search, 7, space.sample(rng), state="failed", epoch=2, **nothing | error)
    known = search.trials.get(number=2)
    fields = {"valid_accuracy": 0.9, "macs": 3 * 10**6, "seconds": 60, "same_as": known, "curve": []}
    seeding.trial(search, 8, space.sample(rng), known.cell, state="reused", **fields)
    seeding.trial(search, 9, space.sample(rng), state="running", epoch=3, worker="train-0@birch", **nothing)
    seeding.trial(search, 10, space.sample(rng), state="queued", curve=[], epoch=0, started=None, **nothing)
    LogLine.objects.create(search=search, text="trial 7 failed: the loss became NaN", level="bad", trial_number=7)
    search.refresh_from_db(fields=["version"])
    return search


def page_of(search: Search, *given) -> SearchPage:
    return SearchPage(Search.objects.get(pk=search.pk), *given)


def html_of(client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.replace("\u00a0", " ")))


# ---- what the page knows


def test_progress_and_key_figures(running):
    page = page_of(running)
    assert (page.done, page.budget, page.open, page.over) == (8, 300, 2, False)
    assert page.best.number == 2  # its copy came later
    assert page.best_within.number == 3
    assert page.seconds_a_trial == 60 and page.workers == 1
    assert page.an_hour == pytest.approx(60, rel=0.01)
    assert page.seconds_left == pytest.approx(292 * 60, rel=0.01)
    assert len(page.reused) == 1 and page.seconds_saved == 60
    assert page.failures == [("the loss became NaN <b>", 1)]


def test_the_time_left_never_exceeds_the_budgets(running):
    config = running.config | {"budget": running.config["budget"] | {"hours": 0.2}}
    Search.objects.update(config=config)
    assert page_of(running).seconds_left == pytest.approx(0.2 * 3600 - 480, abs=5)
    Search.objects.update(state="paused", resumed=None, active_seconds=480)
    assert page_of(running).seconds_left is None


def test_reasons_of_failure_are_counted_without_their_numbers(running):
    for number, error in enumerate(
        ["Loss became NaN in batch 12 of epoch 3", "Loss became NaN in batch 7 of epoch 11"], 21
    ):
        space = read_search(STEERED).build_space()
        seeding.trial(running, number, space.sample(random.Random(number)), state="failed", error=error)
    assert page_of(running).failures[0] == ("loss became NaN", 2)


def test_best_cells_are_distinct(running):
    numbers = [one["point"].number for one in page_of(running).best_cells]
    assert numbers == [2, 5, 3, 4]


# ---- the page


def test_the_page_tells_all_of_it(signed_in, running):
    text = words(html_of(signed_in, f"/searches/{running.pk}/"))
    assert "8 of 300 trials" in text
    assert "Best valid accuracy 90.00 %" in text and "Best within 2 M 70.00 %" in text
    assert "1 the loss became NaN" in text
    assert "1 of 10" in text and "1 min of training saved" in text
    assert "epoch 3" in text and "same as 2" in text and "queued" in text
    assert "PPO in the NASNet space, 5 blocks, 13 operations. Children N = 1, F = 8, 8 epochs. Seed 0." in text
    assert "It learns from 20 results at a time." in text
    assert "No train worker is alive." in text


def test_errors_of_trials_are_text_not_markup(signed_in, running):
    html = html_of(signed_in, f"/searches/{running.pk}/")
    assert "epoch 3 &lt;b&gt;" in html and "epoch 3 <b>" not in html
    LogLine.objects.create(search=running, text="<img src=x> trial 12")
    html = html_of(signed_in, f"/searches/{running.pk}/")
    assert "&lt;img src=x&gt; trial <b>12</b>" in html


def test_no_style_script_or_handler_stands_in_the_page(signed_in, running):
    for path in ("/searches/", f"/searches/{running.pk}/", f"/searches/{running.pk}/trials/7/"):
        html = html_of(signed_in, path)
        assert not re.search(r"\sstyle=|\son[a-z]+=\"|<style", html)
        assert all("json" in found or "src=" in found for found in re.findall(r"<script[^>]*>", html))


def test_every_plot_on_the_page_has_its_data(signed_in, running):
    PolicyUpdate.objects.create(search=running, number=1, record=record_of(running))
    html = html_of(signed_in, f"/searches/{running.pk}/")
    wanted = set(re.findall(r'data-figure="([^"]+)"', html))
    assert wanted == {"figure-best", "figure-macs", "figure-entropy", "figure-reward", "figure-heat"}
    for name in wanted | {"figure-params", "figure-latency"}:
        found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', html, re.S)
        assert json.loads(found.group(1))["data"]


def record_of(search: Search, first: float = 0.6) -> dict:
    choices = read_search(search.config).build_space().choices
    table = {c.name: [first] + [(1 - first) / (len(c.options) - 1)] * (len(c.options) - 1) for c in choices}
    return {"entropy": 8.0, "entropy_uniform": 10.0, "mean_reward": 0.8, "baseline": 0.7, "probabilities": table}


def test_the_controllers_past_can_be_asked_for(signed_in, running):
    for number, first in ((1, 0.2), (2, 0.9)):
        PolicyUpdate.objects.create(search=running, number=number, record=record_of(running, first))
    found = signed_in.get(f"/searches/{running.pk}/policy/2/").json()
    assert found["identity"] == [20, 20]
    assert found["figure"]["data"][0]["type"] == "heatmap"
    assert signed_in.get(f"/searches/{running.pk}/policy/3/").status_code == 404
    assert "entropy 80 % of uniform" in words(html_of(signed_in, f"/searches/{running.pk}/"))


def test_the_trials_table_filters_and_pages_in_the_url(signed_in, running):
    html = html_of(signed_in, f"/searches/{running.pk}/?state=failed")
    assert re.findall(r'data-key="trial-(\d+)"', html) == ["7"]
    assert re.search(r'href="\?state=failed#trials" aria-current="true">Failed 1<', html)
    finished = html_of(signed_in, f"/searches/{running.pk}/?state=finished")
    assert re.findall(r'data-key="trial-(\d+)"', finished) == ["8", "6", "5", "4", "3", "2", "1"]
    seeding.measured(running, 20, seed=5)
    second = html_of(signed_in, f"/searches/{running.pk}/?state=finished&page=2")
    assert "13 to 24 of 27" in words(second)
    assert 'href="?state=finished&amp;page=3#trials" rel="next"' in second
    assert f'data-live="/searches/{running.pk}/live/?state=finished&amp;page=2"' in second
    assert "1 to 12 of" in words(html_of(signed_in, f"/searches/{running.pk}/?page=nonsense"))


def test_the_number_of_queries_does_not_depend_on_the_number_of_trials(signed_in):
    counts = []
    for trials in (5, 60):
        search = seeding.search(STEERED, state="running", resumed=timezone.now())
        seeding.measured(search, trials, seed=trials)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            html_of(signed_in, f"/searches/{search.pk}/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 24


def test_a_search_of_another_version_is_still_shown(signed_in):
    search = seeding.search()
    seeding.measured(search, 2)
    Search.objects.update(config=search.config | {"space_config": search.config["space_config"] | {"magic": 3}})
    assert "2 of 300" in words(html_of(signed_in, f"/searches/{search.pk}/"))
    assert signed_in.get(f"/searches/new/?clone={search.pk}").status_code == 404


def test_settings_as_a_file_for_the_command_line(signed_in, running):
    response = signed_in.get(f"/searches/{running.pk}/config.json")
    assert read_search(response.json()) == read_search(STEERED)
    assert response["Content-Disposition"] == f'attachment; filename="search-{running.pk}.json"'


def test_the_whole_log_as_text(signed_in, running):
    LogLine.objects.create(search=running, text="later")
    lines = signed_in.get(f"/searches/{running.pk}/log.txt").content.decode().splitlines()
    assert [line[21:] for line in lines] == ["trial 7 failed: the loss became NaN", "later"]


# ---- live


def live(client, search: Search, since, more: str = ""):
    return client.get(f"/searches/{search.pk}/live/?since={since}{more}")


def test_nothing_is_sent_while_nothing_changed(signed_in, running, django_assert_max_num_queries):
    Search.objects.update(state="paused")
    with django_assert_max_num_queries(5):
        response = live(signed_in, running, running.version)
    assert response.status_code == 204 and response["X-Version"] == str(running.version)
    assert response["Cache-Control"] == "no-store"


def test_a_change_sends_the_parts_of_the_page(signed_in, running):
    Search.objects.update(version=7)
    response = live(signed_in, running, 6)
    html = response.content.decode()
    assert response.status_code == 200 and response["X-Version"].startswith("7.")
    assert re.findall(r'^<(?:header|div)[^>]* id="(search-[a-z]+)"', html, re.M) == [
        "search-head",
        "search-body",
        "search-data",
    ]
    assert "<html" not in html


def test_the_clock_of_a_running_search_is_shown_anew_every_ten_seconds(signed_in, running, monkeypatch):
    moment = timezone.now().replace(second=1, microsecond=0)
    monkeypatch.setattr(timezone, "now", lambda: moment)
    shown = live(signed_in, running, "")["X-Version"]
    assert live(signed_in, running, shown).status_code == 204
    moment += timedelta(seconds=8)
    assert live(signed_in, running, shown).status_code == 204
    moment += timedelta(seconds=2)
    assert live(signed_in, running, shown).status_code == 200


def test_figures_are_left_out_while_the_page_shows_them(signed_in, running):
    version = page_of(running).figures_version
    assert b'id="search-data"' not in live(signed_in, running, "x", f"&search-data={version}").content
    seeding.measured(running, 1, seed=8)
    assert b'id="search-data"' in live(signed_in, running, "x", f"&search-data={version}").content


def test_the_last_answer_ends_the_asking(signed_in, running):
    Search.objects.update(state="finished", version=9)
    assert live(signed_in, running, 8).status_code == 200  # two trials are still open
    running.trials.filter(state__in=Trial.OPEN).update(state="stopped")
    assert live(signed_in, running, 8).status_code == 286
    assert "data-live=" not in html_of(signed_in, f"/searches/{running.pk}/")


def test_live_needs_a_login_and_a_search(client, signed_in, running):
    assert live(signed_in, running, 1).status_code == 200
    assert signed_in.get("/searches/999/live/").status_code == 404
    client.logout()
    assert live(client, running, 1).status_code == 302


# ---- pause, resume, stop


def test_pause_resume_stop(signed_in, running):
    for action, state in (("pause", "paused"), ("resume", "queued"), ("stop", "stopped")):
        response = signed_in.post(f"/searches/{running.pk}/{action}/")
        assert response.url == f"/searches/{running.pk}/"
        assert Search.objects.get().state == state
    html = html_of(signed_in, f"/searches/{running.pk}/")
    assert "Stopped by hand" in html
    assert not re.search(rf'action="/searches/{running.pk}/(pause|resume|stop)/"', html)


@pytest.mark.parametrize("action", ["pause", "resume", "stop"])
def test_actions_need_post_and_a_token(client, owner, running, action):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert strict.get(f"/searches/{running.pk}/{action}/").status_code == 405
    assert strict.post(f"/searches/{running.pk}/{action}/").status_code == 403
    assert Search.objects.get().state == "running"


def test_an_action_that_cannot_be_done_says_why(signed_in, running):
    response = signed_in.post(f"/searches/{running.pk}/resume/", follow=True)
    assert "only a paused or a failed search can be resumed" in response.content.decode()


def test_only_what_can_be_done_is_offered(signed_in, running):
    offered = {
        "queued": {"pause", "stop"}, "running": {"pause", "stop"}, "paused": {"resume", "stop"},
        "failed": {"resume", "stop"}, "finished": set(), "stopped": set(),
    }  # fmt: skip
    for state, actions in offered.items():
        Search.objects.update(state=state)
        html = html_of(signed_in, f"/searches/{running.pk}/")
        assert set(re.findall(rf'action="/searches/{running.pk}/([a-z]+)/"', html)) == actions, state


def test_a_failed_search_says_why(signed_in, running):
    Search.objects.update(state="failed", reason="The first 8 trials failed. Take fewer filters.")
    assert "The search has failed. The first 8 trials failed. Take fewer filters." in words(
        html_of(signed_in, f"/searches/{running.pk}/")
    )


def test_the_worker_notice_goes_once_one_is_alive(signed_in, running):
    now = timezone.now()
    Worker.objects.create(name="train-0@x", host="x", queue="train", pid=1, started=now, heartbeat=now)
    assert "No train worker is alive." not in html_of(signed_in, f"/searches/{running.pk}/")


# ---- trials


@pytest.mark.parametrize(
    ("number", "title"),
    [
        (2, "Trial 2 reached 90.00 %"),
        (7, "Trial 7 failed after epoch 2"),
        (8, "Trial 8 was known already"),
        (9, "Trial 9 is in training, epoch 4"),
        (10, "Trial 10 is queued"),
    ],
)
def test_the_title_of_a_trial_is_the_answer(signed_in, running, number, title):
    html = html_of(signed_in, f"/searches/{running.pk}/trials/{number}/")
    assert f"<h1>{title}</h1>" in html.replace("\u00a0", " ")
    assert ("data-live=" in html) == (number > 8)


def test_a_failed_trial_says_what_happened_and_can_be_trained_again(signed_in, running):
    path = f"/searches/{running.pk}/trials/7/"
    text = words(html_of(signed_in, path))
    assert "The loss became NaN at epoch 3" in text and "Take a smaller learning rate." in text
    signed_in.post(f"{path}retry/")
    assert Trial.objects.get(number=7).state == "failed"  # the strategy has not been told yet
    Trial.objects.filter(number=7).update(told_as=7)
    response = signed_in.post(f"{path}retry/")
    assert response.url == path
    assert Trial.objects.get(number=7).state == "queued"
    assert signed_in.post(f"/searches/{running.pk}/trials/99/retry/").status_code == 404


def test_a_reused_trial_shows_the_curve_it_took_over(signed_in, running):
    html = html_of(signed_in, f"/searches/{running.pk}/trials/8/")
    assert f'href="/searches/{running.pk}/trials/2/"' in html
    curve = json.loads(re.search(r'id="figure-curve" type="application/json">(.*?)</script>', html, re.S).group(1))
    assert len(curve["data"][0]["x"]) == 8


def test_kept_weights_are_offered(signed_in, running):
    trial = running.trials.get(number=2)
    path = f"/searches/{running.pk}/trials/2/"
    assert "bundle.zip" not in html_of(signed_in, path)
    Weights.objects.create(trial=trial, sha256="0" * 64, size=1_200_000)
    assert f'href="/trials/{trial.pk}/bundle.zip"' in html_of(signed_in, path)
    assert "1.20 MB" in words(html_of(signed_in, path))


def test_a_trial_stays_up_to_date(signed_in, running):
    path = f"/searches/{running.pk}/trials/9/live/"
    assert signed_in.get(f"{path}?since={running.version}").status_code == 204
    assert signed_in.get(f"{path}?since=x").status_code == 200
    running.trials.filter(number=9).update(
        state="finished", valid_accuracy=0.5, macs=10, params=10, ended=timezone.now()
    )
    response = signed_in.get(f"{path}?since=x")
    assert response.status_code == 286 and "reached" in response.content.decode()
    assert signed_in.get(f"/searches/{running.pk}/trials/77/").status_code == 404


# ---- the list


def test_without_searches_the_list_shows_the_way_in(signed_in):
    html = html_of(signed_in, "/searches/")
    assert "No search has been started yet" in html and 'action="/presets/laptop-demo/start/"' in html


def test_the_list_tells_state_progress_and_best(signed_in, running):
    seeding.search()
    html = html_of(signed_in, "/searches/")
    assert "8 of 300" in words(html) and "90.00" in html
    assert re.findall(r'data-key="search-(\d+)"', html) == [str(running.pk + 1), str(running.pk)]
    assert re.findall(r'data-key="search-(\d+)"', html_of(signed_in, "/searches/?state=active")) == [str(running.pk)]
    assert "None was stopped, and none failed." in html_of(signed_in, "/searches/?state=ended")


def test_the_list_pages_and_stays_up_to_date(signed_in, running, django_assert_max_num_queries):
    for _ in range(24):
        seeding.search()
    with django_assert_max_num_queries(12):
        html = html_of(signed_in, "/searches/?page=2")
    assert "21 to 25 of 25" in words(html)
    version = re.search(r'data-live-version="(\w+)"', html).group(1)
    path = f"/searches/live/?page=2&since={version}"
    assert signed_in.get(path).status_code == 204
    Search.objects.filter(pk=running.pk).update(version=99)
    response = signed_in.get(path)
    assert response.status_code == 200 and response["X-Version"] != version
