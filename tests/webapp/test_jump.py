"""Jumping to a cell, a search or a data set."""

import pytest

from tests.webapp import seeding

pytestmark = pytest.mark.django_db


@pytest.fixture
def measured():
    search = seeding.search()
    return search, seeding.measured(search, 3)[0].cell


def test_prefix_of_a_hash_leads_to_the_cell(signed_in, measured):
    _, cell = measured
    assert signed_in.get("/jump/", {"q": cell.key[:9]}).url == f"/cells/{cell.key}/"
    assert signed_in.get("/jump/", {"q": cell.key[:9].upper()}).url == f"/cells/{cell.key}/"


def test_number_or_name_leads_to_the_search(signed_in, measured):
    search, _ = measured
    assert signed_in.get("/jump/", {"q": str(search.pk)}).url == f"/searches/{search.pk}/"
    assert signed_in.get("/jump/", {"q": "first look"}).url == f"/searches/{search.pk}/"


def test_several_matches_are_listed(signed_in, measured):
    text = signed_in.get("/jump/", {"q": "digits"}).content.decode()
    assert "2 matches for “digits”" in text
    assert "/datasets/digits/" in text


def test_nothing_found_says_what_can_be_found(signed_in, measured):
    text = signed_in.get("/jump/", {"q": "<zebra>"}).content.decode()
    assert "Nothing matches “&lt;zebra&gt;”" in text


def test_three_digits_of_a_hash_are_too_few(signed_in, measured):
    _, cell = measured
    letters = "abc" if not cell.key.startswith("abc") else "abd"
    assert signed_in.get("/jump/", {"q": letters}).status_code == 200


def test_empty_page_has_its_own_field(signed_in):
    assert 'name="q"' in signed_in.get("/jump/").content.decode()
