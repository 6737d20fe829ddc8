"""Pages for requests that fail."""

import logging
import re

import pytest
from django.http import HttpRequest
from django.test import Client

from webapp.views import errors

pytestmark = pytest.mark.django_db


def test_unknown_address(signed_in, client):
    response = signed_in.get("/no/such/page/")
    assert response.status_code == 404
    assert "There is no page at this address" in response.content.decode()
    assert "/no/such/page/" in response.content.decode()


def test_unknown_address_is_not_run_as_html(signed_in):
    text = signed_in.get("/<script>x</script>/").content.decode()
    assert "<script>x" not in text


def test_form_without_token_is_refused_in_words(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = client.post("/logout/")
    assert response.status_code == 403
    assert "The form was not sent" in response.content.decode()


def test_bad_host_is_a_400_page(client):
    response = client.get("/login/", headers={"host": "elsewhere.example"})
    assert response.status_code == 400


def test_crash_gives_a_reference_that_the_log_knows(signed_in, monkeypatch, caplog):
    from webapp.views import jump

    def crash(wanted):
        raise RuntimeError("a bug")

    monkeypatch.setattr(jump, "_cells", crash)
    signed_in.raise_request_exception = False
    with caplog.at_level(logging.ERROR):
        response = signed_in.get("/jump/?q=x")
    assert response.status_code == 500
    text = response.content.decode()
    reference = re.search(r"[0-9a-f]{8}</b>", text)[0][:8]
    assert f"Reference {reference}: GET /jump/" in caplog.text
    assert "a bug" in caplog.text
    assert "a bug" not in text


def test_forbidden_page(rf, owner):
    request = rf.get("/x/")
    request.user = owner
    assert isinstance(request, HttpRequest)
    response = errors.forbidden(request)
    assert response.status_code == 403
    assert "may not do that" in response.content.decode()


def test_policy_forbids_inline_code(signed_in):
    response = signed_in.get("/")
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
    text = response.content.decode()
    assert "<style" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", text)
    assert not re.search(r'\sstyle="', text)
