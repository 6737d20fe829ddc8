"""The REST API: who may come in, what it answers, what it refuses and how."""

import html
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from nas_engine import zoo
from tests.webapp import seeding
from webapp.models import ApiToken, FullTraining, Search
from webapp.services import tokens
from webapp.views.tokens import reference

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]
V1 = "/api/v1/"


@pytest.fixture
def token(owner) -> str:
    return tokens.issue(owner, "tests")[1]


@pytest.fixture
def program(token):
    """A client as a program is: a token and no session."""
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {token}"})

    def call(path: str, body: dict | None = None, method: str = "", status: int = 200):
        method = method or ("GET" if body is None else "POST")
        response = client.generic(method, V1 + path, json.dumps(body or {}), content_type="application/json")
        assert response.status_code == status, response.content.decode()
        return response.json()

    return call


@pytest.fixture
def search():
    found = seeding.search()
    seeding.measured(found, 3)
    return found


def test_strangers_are_refused_in_json_and_told_how_to_come_in(client, owner):
    for path in ("searches", "openapi.json", "leaderboard"):
        response = client.get(V1 + path)
        assert response.status_code == 401 and response["WWW-Authenticate"] == "Bearer"
        assert "Authorization: Bearer" in response.json()["message"]
    assert client.get(V1 + "searches", headers={"Authorization": "Bearer nst_guessed"}).status_code == 401


def test_a_token_taken_back_or_of_a_switched_off_account_lets_nobody_in(program, owner):
    program("searches")
    owner.is_active = False
    owner.save()
    program("searches", status=401)
    owner.is_active = True
    owner.save()
    program("searches")
    assert tokens.take_back(owner, ApiToken.objects.get().pk) == "tests"
    program("searches", status=401)


def test_only_the_fingerprint_of_a_token_is_kept_and_its_last_use_noted(program, token):
    row = ApiToken.objects.get()
    assert token not in str(vars(row)) and token.startswith(row.beginning) and row.used is None
    program("searches")
    row.refresh_from_db()
    assert timezone.now() - row.used < timedelta(seconds=30)


def test_a_session_reads_and_changes_only_with_the_sites_csrf_token(owner, search):
    Search.objects.update(state="running")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    assert browser.get(V1 + "searches").status_code == 200
    assert browser.post(f"{V1}searches/{search.pk}/stop").status_code == 403
    search.refresh_from_db()
    assert search.state == "running"


def test_searches_are_listed_in_pages_with_what_they_came_to(program, search):
    other = seeding.search(seeding.SMALL | {"name": "Another"})
    found = program("searches?limit=1")
    assert found["count"] == 2 and [each["id"] for each in found["items"]] == [other.pk]
    mine = program("searches?offset=1")["items"][0]
    assert (mine["name"], mine["state"], mine["trials_ended"]) == ("Digits, a first look", "finished", 3)
    assert (mine["dataset"], mine["owner"], mine["protocol"]) == ("digits", "owner", search.protocol)
    assert program("searches?state=running")["count"] == 0
    assert "state" in program("searches?state=dancing", status=422)["problems"]


def test_a_search_starts_from_a_preset_with_changes(program):
    seeding.dataset()
    made = program("searches", {"preset": "laptop-demo", "set": {"budget.trials": 7, "name": "By program"}}, status=201)
    row = Search.objects.get()
    assert (made["id"], made["name"], made["state"]) == (row.pk, "By program", "queued")
    assert made["config"]["budget"]["trials"] == made["trials_wanted"] == 7
    again = program("searches", {"config": made["config"]}, status=201)
    assert again["config"] == made["config"] and again["id"] != made["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "preset"),
        ({"preset": "laptop-demo", "config": {}}, "preset"),
        ({"preset": "desktop-demo"}, "preset"),
        ({"preset": "laptop-demo", "set": {"budget.trials": -1}}, "budget.trials"),
        ({"preset": "laptop-demo", "set": {"budget.trails": 3}}, "budget.trails"),
        ({"preset": "laptop-demo", "set": {"data.dataset": "nowhere"}}, "data.dataset"),
        ({"preset": 3}, "preset"),
    ],
)
def test_a_search_that_cannot_run_names_the_field(program, body, field):
    seeding.dataset()
    assert field in program("searches", body, status=422)["problems"]
    assert not Search.objects.exists()


def test_a_search_is_paused_resumed_and_stopped(program, search):
    Search.objects.update(state="running")
    assert program(f"searches/{search.pk}/pause", {})["state"] == "paused"
    assert "nothing to pause" in str(program(f"searches/{search.pk}/pause", {}, status=422)["problems"])
    assert program(f"searches/{search.pk}/resume", {})["state"] == "queued"
    assert program(f"searches/{search.pk}/stop", {})["state"] == "stopped"
    lines = program(f"searches/{search.pk}/log")
    assert [line["text"] for line in lines][-1] == "search stopped"
    assert program(f"searches/{search.pk}/log?after={lines[-2]['id']}") == lines[-1:]
    assert "No Search" in program("searches/999", status=404)["message"]


def test_trials_with_their_curves(program, search):
    found = program(f"searches/{search.pk}/trials")
    assert found["count"] == 3 and [each["number"] for each in found["items"]] == [1, 2, 3]
    one = program(f"searches/{search.pk}/trials/2")
    row = search.trials.get(number=2)
    assert (one["valid_accuracy"], one["macs"], one["cell"]) == (row.valid_accuracy, row.macs, row.cell_id)
    assert len(one["curve"]) == 8 and one["choices"] == row.choices
    problems = program(f"searches/{search.pk}/trials/2/retry", {}, status=422)["problems"]
    assert "only a failed trial" in str(problems)


def test_the_leaderboard_filters_as_its_page_does(program, search):
    rows = program("leaderboard")
    accuracies = [row["valid_accuracy"] for row in rows]
    assert len(rows) == 3 and accuracies == sorted(accuracies, reverse=True) and rows[0]["rank"] == 1
    assert program("leaderboard?limit=1&offset=1") == rows[1:2]
    assert program(f"leaderboard?acc_min={100 * accuracies[0] - 1e-6}") == rows[:1]
    Search.objects.all().delete()
    assert "measured" in program("leaderboard", status=404)["message"]


def test_a_cell_in_every_notation(program):
    record = seeding.record(zoo.get("darts-v2").cells, "DARTS V2")
    found = program(f"cells/{record.key[:9]}")
    assert (found["key"], found["name"]) == (record.key, "DARTS V2")
    assert found["notations"]["darts"].startswith("Genotype(")
    assert program("cells/0000000000", status=404)["message"].startswith("No cells")


def test_a_full_training_from_start_to_stop(program):
    seeding.dataset()
    body = {"cell": "darts-v2", "dataset": "digits", "seeds": 2, "set": {"schedule.epochs": 3, "skeleton.repeats": 1}}
    made = program("trainings", body, status=201)
    assert FullTraining.objects.get().pk == made["id"] and made["config"]["schedule"]["epochs"] == 3
    assert [run["seed"] for run in made["seeds"]] == [0, 1] and not any(run["bundle"] for run in made["seeds"])
    assert program("trainings")["items"][0]["state"] == "queued"
    assert program(f"trainings/{made['id']}/seeds/0/curve") == []
    assert "left no model" in program(f"trainings/{made['id']}/seeds/0/bundle.zip", status=404)["message"]
    assert program(f"trainings/{made['id']}/pause", {})["state"] == "paused"
    assert program(f"trainings/{made['id']}/resume", {})["state"] == "queued"
    assert program(f"trainings/{made['id']}/stop", {})["state"] == "stopped"
    assert program(f"trainings/{made['id']}/log")[0]["text"].startswith("full training started")
    for wrong, field in (
        ({"cell": "nobody"}, "cell"),
        ({"preset": "x"}, "preset"),
        ({"dataset": "none"}, "data.dataset"),
    ):
        assert field in program("trainings", body | wrong, status=422)["problems"]


def test_data_sets_and_workers(program):
    seeding.dataset()
    (found,) = program("datasets")
    assert (found["slug"], found["classes"], found["state"]) == ("digits", 10, "ready")
    assert program("workers") == []


def test_the_description_has_every_operation_and_the_page_shows_it(program, signed_in):
    schema = program("openapi.json")
    assert schema["openapi"].startswith("3.") and f"{V1}searches/{{pk}}/trials" in schema["paths"]
    text = html.unescape(signed_in.get("/api/").content.decode())
    entries = [entry for group in reference().values() for entry in group]
    assert sum(len(operations) for operations in schema["paths"].values()) == len(entries)
    for entry in entries:
        assert entry["path"] in text and entry["summary"] in text


def test_a_token_is_shown_once_and_taken_back(signed_in):
    made = signed_in.post("/api/tokens/", {"name": "notebook"})
    secret = ApiToken.objects.get().beginning
    assert made.status_code == 200 and "no-store" in made["Cache-Control"]
    assert made.content.decode().count(secret) == 2  # whole, and its beginning in the list
    assert signed_in.get("/api/").content.decode().count(secret) == 1
    again = signed_in.post("/api/tokens/", {"name": "notebook"})
    assert again.status_code == 422 and "You have a token named notebook" in again.content.decode()
    assert "Say what the token is for" in signed_in.post("/api/tokens/", {"name": " "}).content.decode()
    assert signed_in.post(f"/api/tokens/{ApiToken.objects.get().pk}/take-back/").status_code == 302
    assert not ApiToken.objects.exists()
    assert signed_in.post("/api/tokens/1/take-back/").status_code == 404
