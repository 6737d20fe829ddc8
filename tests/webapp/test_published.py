"""Published cells in the browser, and importing a genotype."""

import json

import pytest
from django.urls import reverse
from django.utils.html import escape

from nas_engine import notation, zoo
from nas_engine.cell import cells_key
from tests.webapp import seeding
from webapp.models import CellRecord
from webapp.results.published import published_as, reference_rows
from webapp.services import cells as service

DARTS_V2 = notation.to_darts(zoo.get("darts-v2").cells)


def test_every_published_cell_has_a_page_before_it_is_in_the_database(signed_in):
    for name in zoo.names():
        response = signed_in.get(reverse("published-cell", args=[name]), follow=True)
        assert response.status_code == 200
        assert zoo.of_key(cells_key(zoo.get(name).cells)).label in response.content.decode()
    assert not CellRecord.objects.exists()
    assert signed_in.get("/published/nasnet-z/").status_code == 404


def test_the_page_of_a_published_cell_sets_the_papers_numbers_beside_ours(signed_in):
    html = signed_in.get(reverse("published-cell", args=["darts-v2"]), follow=True).content.decode()
    for number in ("2.76", "26.70", "3\u202f349\u202f342", "4\u202f718\u202f752", "529\u202f911\u202f552", "574"):
        assert number in html
    assert "Liu et al. 2019" in html and "quark0/darts" in html


def test_the_zoo_lists_all_and_names_what_was_only_drawn(signed_in):
    html = signed_in.get(reverse("published")).content.decode()
    assert all(zoo.get(name).label in html for name in zoo.names())
    assert "NASNet-B" in html and "NASNet-C" in html and "Published only as a figure" in html


def test_published_cells_are_put_into_the_database_once_and_keep_what_is_there(db):
    entry = zoo.get("pnasnet-5")
    seeding.record(entry.cells)
    service.keep_published()
    service.keep_published()
    assert CellRecord.objects.get(pk=cells_key(entry.cells)).name == "PNASNet-5"
    assert CellRecord.objects.count() == len({cells_key(zoo.get(name).cells) for name in zoo.names()})
    assert [one.entry.name for one in published_as(cells_key(entry.cells))] == ["pnasnet-5", "pnasnet-5-darts"]


def test_the_leaderboard_shows_papers_numbers_apart_and_unranked(signed_in):
    seeding.few()
    html = signed_in.get(reverse("leaderboard")).content.decode()
    table, references = html.split('id="h-references"')
    assert "not ranked" in references and "DARTS, second order" in references
    assert "DARTS, second order" not in table
    errors = [row.figure.error for _, row in reference_rows("CIFAR-10")]
    assert errors == sorted(errors) and 2.55 in errors


@pytest.mark.parametrize("write", [notation.to_darts, notation.to_nasnet, notation.to_json])
def test_a_pasted_genotype_gets_its_cell_page(signed_in, write):
    cells = zoo.get("amoebanet-a-darts").cells if write is notation.to_darts else zoo.get("nasnet-a").cells
    response = signed_in.post(reverse("cell-import"), {"text": write(cells)})
    assert response.status_code == 302 and response.url == reverse("cell", args=[cells_key(cells)])
    assert CellRecord.objects.get().key == cells_key(cells)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Paste a Genotype"),
        ("__import__('os').system('id')", "are assignments"),
        (DARTS_V2.replace("('sep_conv_3x3', 0)", "('sep_conv_9x9', 0)", 1), "sep_conv_9x9"),
        (DARTS_V2.replace("('sep_conv_3x3', 1)", "('sep_conv_3x3', 4)", 1), "can take states 0 to 1, not 4"),
        (DARTS_V2[:-40], "cannot be read"),
        ("[" * 5000, "cannot be read"),
        ('[{"kind": "normal"}]', "needs kind, blocks"),
    ],
)
def test_what_is_no_cell_gets_a_reason_at_the_field_and_stays_in_it(signed_in, text, said):
    response = signed_in.post(reverse("cell-import"), {"text": text})
    html = response.content.decode()
    assert response.status_code == 200 and said in html and 'aria-invalid="true"' in html
    assert text[:20].replace("'", "&#x27;").replace('"', "&quot;") in html
    assert not CellRecord.objects.exists()


RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
CHAIN = "ModelSpec(matrix=[[0, 1, 0], [0, 0, 1], [0, 0, 0]], ops=['input', 'conv3x3-bn-relu', 'output'])"


@pytest.mark.parametrize(("text", "label"), [(RESNET, "NAS-Bench-201"), (CHAIN, "NAS-Bench-101")])
def test_cells_of_the_benchmarks_are_drawn_and_written_back(signed_in, text, label):
    response = signed_in.post(reverse("cell-import"), {"text": text}, follow=True)
    html = response.content.decode()
    assert f"<h3>{label}</h3>" in html and escape(text) in html
    key = CellRecord.objects.get().key
    assert text in json.loads(signed_in.get(reverse("cell-json", args=[key])).content).values()
    assert signed_in.get(reverse("cell-svg", args=[key, "normal"])).status_code == 200
    assert signed_in.get(reverse("training-new"), {"cell": key}).status_code == 404, "no network is built of it"
