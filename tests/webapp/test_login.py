"""Who may come in, and how."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from webapp.models import LoginLink
from webapp.services import owner as owners

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_counted():
    cache.clear()


BASE = "http://127.0.0.1:8000"


def link_path():
    url = owners.first_run_link(BASE)
    assert url.startswith(BASE + "/login/")
    return url.removeprefix(BASE)


def test_every_page_without_login_leads_to_the_login_page(client):
    for name in ("home", "jump", "password", "datasets", "workers", "searches", "leaderboard"):
        response = client.get(reverse(name))
        assert response.status_code == 302, name
        assert response.url == f"/login/?next={reverse(name)}"


def test_login_page_says_where_the_link_is(client):
    text = client.get("/login/").content.decode()
    assert "script/server" in text
    assert "prints a new link each time it starts" in text


def test_link_lets_the_owner_in_once(client):
    path = link_path()
    response = client.get(path)
    assert (response.status_code, response.url) == (302, "/")
    assert client.get("/").status_code == 200
    client.logout()
    again = client.get(path)
    assert again.status_code == 410
    assert "no longer works" in again.content.decode()
    assert client.get("/").status_code == 302


def test_link_of_yesterday_is_refused(client):
    path = link_path()
    LoginLink.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert client.get(path).status_code == 410
    assert not LoginLink.objects.exists()


def test_new_link_replaces_the_old_one(client):
    old, new = link_path(), link_path()
    assert client.get(old).status_code == 410
    assert client.get(new).status_code == 302


def test_token_is_not_stored():
    token = link_path().strip("/").split("/")[-1]
    link = LoginLink.objects.get()
    assert token not in (link.token_hash, str(link))
    assert re.fullmatch(r"[0-9a-f]{64}", link.token_hash)


def test_asking_for_the_head_of_a_link_does_not_use_it(client):
    path = link_path()
    assert client.head(path).status_code == 405
    assert client.get(path).status_code == 302


def test_owner_sets_a_password_and_signs_in_with_it(client):
    client.get(link_path())
    response = client.post("/password/", {"new_password1": "leaf-and-vein", "new_password2": "leaf-and-vein"})
    assert response.url == "/"
    client.post("/logout/")
    assert client.get("/").status_code == 302
    wrong = client.post("/login/", {"username": "owner", "password": "leaf"})
    text = wrong.content.decode()
    assert "Name and password do not match." in text
    assert 'value="owner"' in text
    right = client.post("/login/?next=/jump/", {"username": "owner", "password": "leaf-and-vein", "next": "/jump/"})
    assert right.url == "/jump/"


def test_guessing_passwords_is_slowed_down(client, owner):
    owner.set_password("leaf-and-vein")
    owner.save()
    wrong = {"username": "owner", "password": "leaf"}
    texts = [client.post("/login/", wrong).content.decode() for _ in range(5)]
    assert "4 tries left before a pause of 5 min." in texts[0]
    assert "1 try left before" in texts[3]
    assert "A pause of 5 min begins." in texts[4]
    response = client.post("/login/", {"username": "Owner", "password": "leaf-and-vein"})
    assert response.status_code == 429
    assert "Too many wrong passwords." in response.content.decode()
    assert client.get("/").status_code == 302
    assert client.get(link_path()).status_code == 302


def test_changing_a_password_needs_the_old_one(client, owner):
    owner.set_password("leaf-and-vein")
    owner.save()
    client.login(username="owner", password="leaf-and-vein")
    fields = {"new_password1": "stem-and-flower", "new_password2": "stem-and-flower"}
    assert client.post("/password/", fields).status_code == 200
    assert client.post("/password/", {**fields, "old_password": "leaf-and-vein"}).status_code == 302


def test_logout_is_a_post(client, owner):
    client.force_login(owner)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"


def test_login_does_not_lead_to_another_host(client, owner):
    owner.set_password("leaf-and-vein")
    owner.save()
    fields = {"username": "owner", "password": "leaf-and-vein", "next": "https://elsewhere.example/"}
    assert client.post("/login/", fields).url == "/"
