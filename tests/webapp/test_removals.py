"""The removal damage on the page of a RandWire network, and the drawing of its stages."""

import random

import pytest
from django.urls import reverse

from nas_engine.search_config import read_search
from nas_engine.search_spaces.randwire import parse_cells
from tests.webapp import seeding
from webapp.diagrams import layout
from webapp.diagrams.svg import cell_svg
from webapp.models import RemovalStudy, Trial

pytestmark = pytest.mark.usefixtures("sent")
WIRED = {
    "name": "Wired",
    "space": "randwire",
    "space_config": {"nodes": 6, "generators": ["er"], "er_p": ["0.4"]},
    "strategy": "random",
    "skeleton": {"filters": 4},
    "training": seeding.SMALL["training"],
}
RESULT = {"images": 30, "accuracy": 0.9, "removals": [[1, "n0", "", 1, 0.2], [1, "n1", "n0", 1, 0.1]]}


@pytest.fixture
def trial(db) -> Trial:
    search = seeding.search(WIRED)
    cells = parse_cells("er(0.4):nodes=6:seed=1")
    architecture = read_search(WIRED).build_space().sample(random.Random(1))
    return seeding.trial(search, 1, architecture, cell=seeding.record(cells))


def shown(client, trial) -> str:
    return client.get(reverse("cell", args=[trial.cell_id])).content.decode()


def test_without_weights_the_page_says_what_is_needed(signed_in, trial, sent):
    html = shown(signed_in, trial)
    assert "Removal damage" in html and "Needs trained weights" in html
    answer = signed_in.post(reverse("removal-request", args=[trial.pk]), follow=True)
    assert "were not kept" in answer.content.decode() and not sent


def test_a_study_is_asked_for_watched_and_shown(signed_in, trial, sent, django_capture_on_commit_callbacks):
    seeding.weights(trial)
    assert "Measure the damage" in shown(signed_in, trial)
    with django_capture_on_commit_callbacks(execute=True):
        answer = signed_in.post(reverse("removal-request", args=[trial.pk]))
    assert answer.url.endswith("#removal") and answer.url.startswith(reverse("cell", args=[trial.cell_id]))
    study = RemovalStudy.objects.get(trial=trial)
    assert ("tasks.removals.study_removals", study.pk, 0) in sent
    RemovalStudy.objects.update(state="running", done=7, of=40)
    html = shown(signed_in, trial)
    assert "7 of 40" in html and reverse("removal-live", args=[trial.pk]) in html
    live = reverse("removal-live", args=[trial.pk])
    version = signed_in.get(live)["X-Version"]
    assert signed_in.get(live, {"since": version}).status_code == 204
    RemovalStudy.objects.update(state="finished", result=RESULT)
    fragment = signed_in.get(live, {"since": version}).content.decode()
    assert 'id="figure-nodes"' in fragment and 'id="figure-edges"' in fragment
    html = shown(signed_in, trial)
    assert 'data-figure="figure-nodes"' in html and "on 30 of the valid images" in html


def test_a_failed_study_says_why_and_offers_another(signed_in, trial):
    seeding.weights(trial)
    RemovalStudy.objects.create(trial=trial, state="failed", error="The images are gone.")
    html = shown(signed_in, trial)
    assert "The images are gone." in html and "Measure the damage" in html


def test_other_cells_have_no_such_part(signed_in, db):
    search = seeding.search()
    other = seeding.measured(search, 1)[0]
    assert "Removal damage" not in shown(signed_in, other)


def test_nodes_that_are_all_alike_are_drawn_by_their_numbers():
    cell = parse_cells("ws(4,0.75)")[1]
    drawn = layout(cell)
    operations = [node for node in drawn["nodes"] if node["kind"] == "op"]
    assert [node["dot"] for node in operations] == [str(number) for number in range(32)]
    assert operations[7]["label"] == "node 7"
    assert cell_svg((cell,), "x").count(">31<") == 1
