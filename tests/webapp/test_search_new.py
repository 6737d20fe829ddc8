"""Setting up a search in the browser, with and without JavaScript."""

import re

import pytest

from nas_engine.presets import PRESETS
from nas_engine.search_config import read_search
from tasks import messages
from tests.webapp import seeding
from webapp.forms.search import SearchForm
from webapp.forms.starts import config_of
from webapp.models import Dataset, Search

pytestmark = pytest.mark.django_db
NEW, PREVIEW = "/searches/new/", "/searches/new/preview/"


@pytest.fixture(autouse=True)
def digits(monkeypatch):
    monkeypatch.setattr(messages, "send", lambda *words: True)
    return seeding.dataset("digits")


def post_of(slug: str = "laptop-demo", **changes) -> dict:
    """What a browser sends for a preset's form; "__" stands for the dots of a name, None leaves an input out."""
    data = SearchForm.from_config(config_of(slug)).typed | {"start": slug, "based_on": slug, "draw": "0"}
    data |= {name.replace("__", "."): value for name, value in changes.items()}
    return {name: value for name, value in data.items() if value not in (None, "") or name in changes}


def html_of(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def tag(html: str, name: str) -> str:
    """The tag of the input with this name."""
    return re.search(rf'<(?:input|select)[^>]* name="{re.escape(name)}"[^>]*>', html).group()


# ---- the page


def test_every_page_needs_a_login(client):
    for path in (NEW, "/searches/", "/searches/1/"):
        assert client.get(path).url.startswith("/login/")


@pytest.mark.parametrize("slug", PRESETS)
def test_a_preset_fills_the_form(signed_in, slug):
    html = html_of(signed_in.get(f"{NEW}?preset={slug}"))
    config = config_of(slug)
    assert f'value="{config.training.epochs}"' in tag(html, "training.epochs")
    assert f'value="{config.budget.trials}"' in tag(html, "budget.trials")
    assert re.search(rf'value="{slug}" checked', html)
    if config.data.dataset != "digits":
        assert f"{config.data.dataset}: not here yet" in html


def test_an_unknown_preset_is_not_found(signed_in):
    assert signed_in.get(f"{NEW}?preset=moon").status_code == 404
    assert signed_in.get(f"{NEW}?clone=12").status_code == 404


def test_it_starts_from_the_data_set_asked_for(signed_in):
    seeding.dataset("leaves", (3, 20, 20), 4)
    html = html_of(signed_in.get(f"{NEW}?dataset=leaves"))
    assert '<option value="leaves" selected>Leaves: 1437 images, 20 × 20, 4 classes</option>' in html


def test_a_clone_takes_over_everything_but_the_name(signed_in):
    search = seeding.search(seeding.SMALL | {"seed": 77})
    html = html_of(signed_in.get(f"{NEW}?clone={search.pk}"))
    assert 'value="77"' in tag(html, "seed")
    assert 'value="Digits, a first look, again"' in tag(html, "name")
    signed_in.post(NEW, post_of(f"search-{search.pk}"))
    assert Search.objects.first().config == search.config


def test_no_style_script_or_handler_stands_in_the_page(signed_in):
    html = html_of(signed_in.get(NEW))
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style", html)
    assert all('type="application/json"' in found or "src=" in found for found in re.findall(r"<script[^>]*>", html))


def test_operations_stand_by_family_with_their_cost(signed_in):
    html = html_of(signed_in.get(f"{NEW}?preset=laptop-demo"))
    assert "MACs at F = 8, 8 × 8" in html
    assert re.search(r'id="f-space_config-nasnet-operations-macs-conv_3x3">36.9\sk<', html)
    assert re.search(r'value="sep_conv_3x3" checked><span class="op op-sep">', html)
    assert re.search(r'value="avg_pool_5x5"><span class="op op-avg">', html)


def test_the_page_asks_few_questions(signed_in, django_assert_max_num_queries):
    with django_assert_max_num_queries(14):
        signed_in.get(NEW)


# ---- starting


def test_posting_the_form_starts_the_search(signed_in, owner):
    response = signed_in.post(NEW, post_of(budget__trials="3", training__epochs="1"))
    search = Search.objects.get()
    assert response.url == f"/searches/{search.pk}/"
    expected = PRESETS["laptop-demo"].data
    config = read_search(search.config)
    assert (config.budget.trials, config.training.epochs) == (3, 1)
    assert config.training.learning_rate == expected["training"]["learning_rate"]
    assert (search.owner, search.name, search.state) == (owner, expected["name"], "queued")


def test_a_search_without_a_name_gets_one(signed_in):
    signed_in.post(NEW, post_of(name=""))
    assert Search.objects.get().name == "Digits, random"


def test_what_is_wrong_stands_at_its_field_and_everything_typed_stays(signed_in):
    wrong = {"training__epochs": "eight", "skeleton__filters": "7", "space_config__nasnet__operations": []}
    html = html_of(signed_in.post(NEW, post_of(**wrong, seed="41", name="Mine <b>")))
    assert not Search.objects.exists()
    assert "3 fields need a change" in html
    assert 'value="eight"' in tag(html, "training.epochs") and 'aria-invalid="true"' in tag(html, "training.epochs")
    assert re.search(r'id="f-training-epochs-said"><p class="error">.*?‘eight’ is not a whole number.', html)
    assert re.search(r'id="f-skeleton-filters-said"><p class="error">.*?Must be even: 6 or 8.', html)
    assert re.search(
        r'id="f-space_config-nasnet-operations-said"><p class="error">.*?Choose at least one operation.', html
    )
    assert 'value="41"' in tag(html, "seed") and "aria-invalid" not in tag(html, "seed")
    assert 'value="Mine &lt;b&gt;"' in tag(html, "name")
    assert 'data-first-problem="f-space_config-nasnet-operations"' in html


def test_a_problem_in_a_folded_part_opens_it(signed_in):
    html = html_of(signed_in.post(NEW, post_of(training__momentum="2")))
    assert re.search(r'<details class="more" open>(?:(?!</details>).)*training\.momentum', html, re.S)


def test_what_only_the_service_can_tell_lands_at_its_field_too(signed_in, monkeypatch):
    from nas_engine.errors import ConfigError
    from webapp.views import search_new

    def refuse(config, owner):
        raise ConfigError({"skeleton.repeats": "8 × 8 images are too small for that", "": "Not today"})

    monkeypatch.setattr(search_new, "create_search", refuse)
    html = html_of(signed_in.post(NEW, post_of()))
    assert re.search(r'id="f-skeleton-repeats-said"><p class="error">.*?8 × 8 images are too small', html)
    assert "<p>Not today.</p>" in html


def test_a_choice_of_another_start_is_filled_in_and_not_started(signed_in):
    changed = post_of(start="nasnet-paper", training__epochs="3", data__dataset="digits")
    html = html_of(signed_in.post(NEW, changed))
    assert not Search.objects.exists()
    assert 'value="3"' in tag(html, "training.epochs")
    assert 'value="20000"' in tag(html, "budget.trials")
    assert "Kept from your changes: Epochs." in html
    assert '<input type="hidden" name="based_on" value="nasnet-paper">' in html


def test_without_javascript_preview_fills_the_page(signed_in):
    html = html_of(signed_in.post(NEW, post_of(preview="1", space_config__nasnet__blocks="2")))
    assert not Search.objects.exists()
    assert 'value="2"' in tag(html, "space_config.nasnet.blocks")
    first = html_of(signed_in.post(NEW, post_of(draw_next="5")))
    assert '<input type="hidden" name="draw" value="5">' in first
    assert first.count('<svg class="thumb"') == 2


# ---- the live panel


def test_the_preview_holds_panel_messages_costs_and_formula(signed_in):
    html = html_of(
        signed_in.post(
            PREVIEW, post_of(reward__goal="macs", reward__target="1", training__epochs="0", skeleton__filters="16")
        )
    )
    assert "0 is too small. Take 1 or more." in html
    assert re.search(r'id="f-space_config-nasnet-operations-macs-conv_3x3">147\sk<', html)
    assert "(MACs / 1\u00a0M)" in html
    for part in (
        "side",
        "formula",
        "f-space_config-nasnet-operations-count",
        "f-space_config-nasnet-operations-frame",
        "f-reward-target-unit",
        "sample-data",
        "spread",
    ):
        assert f'id="{part}"' in html
    assert "<form" not in html


def test_the_preview_gives_the_whole_form_when_the_start_changes(signed_in):
    response = signed_in.post(PREVIEW, post_of(start="small-cifar-10"))
    assert response["X-Switched"] == "1"
    assert '<form class="composer" id="composer"' in html_of(response)
    assert signed_in.post(PREVIEW, post_of())["X-Switched"] == "0"
    assert signed_in.get(PREVIEW).status_code == 405


def test_the_preview_survives_nonsense(signed_in):
    nonsense = {
        "space": "x",
        "strategy": "y",
        "draw": "-1",
        "data.dataset": "../..",
        "space_config.nasnet.blocks": "9" * 40,
    }
    html = html_of(signed_in.post(PREVIEW, nonsense))
    assert "The search space is not settled" in html
    assert signed_in.post(PREVIEW, {"start": "nowhere"}).status_code == 404


def test_more_at_once_than_workers_is_a_hint_not_an_error(signed_in):
    html = html_of(signed_in.post(PREVIEW, post_of(budget__parallelism="4")))
    assert "No train worker is alive." in html
    from django.utils import timezone

    from webapp.models import Worker

    now = timezone.now()
    Worker.objects.create(name="train-0@x", host="x", queue="train", pid=1, started=now, heartbeat=now)
    html = html_of(signed_in.post(PREVIEW, post_of(budget__parallelism="4")))
    assert "1 train worker is alive; more than 1 at once will wait for each other." in html
    assert signed_in.post(NEW, post_of(budget__parallelism="4")).status_code == 302


def test_the_time_is_judged_by_what_was_measured(signed_in):
    assert "no trial measured yet" in html_of(signed_in.post(PREVIEW, post_of()))
    search = seeding.search(config_of("laptop-demo"))
    seeding.measured(search, 4)
    search.trials.update(seconds=30)
    html = html_of(signed_in.post(PREVIEW, post_of()))
    assert "All 24 trials, 2 at once" in html and "<b>6\u00a0min</b>" in html
    assert "4 trials of this protocol" in html
    html = html_of(signed_in.post(PREVIEW, post_of(budget__hours="0.05")))
    assert "<b>3\u00a0min</b>" in html and "then the time is up" in html
    assert "when every field is settled" in html_of(signed_in.post(PREVIEW, post_of(seed="x")))


# ---- presets


def test_a_preset_starts_with_one_press(signed_in):
    response = signed_in.post("/presets/laptop-demo/start/")
    assert response.url == f"/searches/{Search.objects.get().pk}/"
    assert signed_in.post("/presets/moon/start/").status_code == 404
    assert signed_in.get("/presets/laptop-demo/start/").status_code == 405


def test_a_preset_whose_data_are_missing_leads_to_the_form(signed_in):
    Dataset.objects.all().delete()
    response = signed_in.post("/presets/laptop-demo/start/", follow=True)
    assert response.redirect_chain[0][0] == f"{NEW}?preset=laptop-demo"
    assert "Laptop demo was not started: There is no data set" in response.content.decode()
    assert not Search.objects.exists()


def test_the_form_says_after_which_epochs_children_are_judged_and_shows_the_rules_own_fields(signed_in):
    rule = "evaluator_config.standalone."
    asked = html_of(signed_in.post(NEW, post_of(preview="") | {f"{rule}early_stopping": "asha"}))
    assert "Rungs after 1 and 4 of 8 epochs." in asked
    for name, hidden in (("minimum_epochs", False), ("reduction_factor", False), ("grace", True)):
        field = re.search(rf'<div class="field"([^>]*)>\s*<label for="f-evaluator_config-standalone-{name}"', asked)[1]
        assert f'data-part="{rule}early_stopping"' in field and ("hidden" in field) is hidden, name
    assert "Rungs after" not in html_of(signed_in.post(NEW, post_of(preview="")))
