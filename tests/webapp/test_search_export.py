"""A search as one file: everything in it, nothing asked of any server."""

import re

import pytest

from tests.webapp import seeding


@pytest.fixture
def search(db):
    made = seeding.search(seeding.SMALL | {"name": "Digits <b>bold</b>"})
    seeding.measured(made, 12)
    return made


def test_the_file_holds_the_whole_search(signed_in, search):
    response = signed_in.get(f"/searches/{search.pk}/search.html")
    text = response.content.decode()
    assert response["Content-Disposition"] == f'attachment; filename="search-{search.pk}-Digits-b-bold-b.html"'
    rows = re.findall(r'<td class="mono">([0-9a-f]{7})</td>', text)
    wanted = search.trials.order_by("-valid_accuracy").values_list("cell", flat=True)
    assert rows == [key[:7] for key in wanted]
    assert text.count("<svg xmlns=") >= 4, "the best cells are drawn"
    assert 'id="figure-best"' in text and "drawAll" in text


def test_the_file_asks_nobody_for_anything(signed_in, search):
    text = signed_in.get(f"/searches/{search.pk}/search.html").content.decode()
    page = re.sub(r"<script>.*?</script>", "", text, flags=re.S)  # plotly.js is full of addresses it does not ask
    assert not re.findall(r'(?:src|href|action)="(?!#)[^"]*"', page)
    assert "url(" not in page and "@import" not in page


def test_what_people_named_is_escaped(signed_in, search):
    text = signed_in.get(f"/searches/{search.pk}/search.html").content.decode()
    assert "<b>bold</b>" not in text and "&lt;b&gt;bold" in text
