"""A cell taken away: every format is whole, safe and says what the drawing says."""

import json
import re
from xml.dom import minidom

import pytest

from nas_engine import notation, zoo
from nas_engine.cell import Block, Cell
from nas_engine.graph_cell import GraphCell
from tests.webapp import seeding
from webapp.diagrams.dot import cell_dot
from webapp.diagrams.offline import script, sheet
from webapp.diagrams.pdf import cell_pdf
from webapp.diagrams.picture import Picture
from webapp.diagrams.svg import cell_svg
from webapp.diagrams.tikz import cell_tikz
from webapp.views.exports import FORMATS

NASNET = zoo.get("nasnet-a").cells
CHAIN = (Cell("normal", tuple(Block(i + 1, "sep_conv_3x3", i, "identity", "concat") for i in range(7)), (8,)),)
GRAPH = (GraphCell("normal", zoo.get("darts-v2").cells[0].nodes),)
DRAWN = [NASNET, CHAIN, GRAPH, *(zoo.get(name).cells for name in ("amoebanet-d", "pnasnet-5"))]


@pytest.fixture
def stored(owner):
    return seeding.record(NASNET, "NASNet-A")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("reference", ["nasnet-a", notation.to_line(zoo.get("darts-v2").cells)])
def test_every_format_of_stored_and_of_written_cells(signed_in, stored, form, reference):
    response = signed_in.get(f"/cells/export/{form}/", {"cell": reference})
    kind, ending = FORMATS[form]
    assert response.status_code == 200 and response["Content-Type"] == kind and len(response.content) > 800
    assert re.fullmatch(rf'attachment; filename="[\w-]+\.{ending}"', response["Content-Disposition"])


def test_one_cell_in_a_theme_can_be_looked_at(signed_in, stored):
    response = signed_in.get("/cells/export/svg/?cell=nasnet-a&kind=reduction&theme=dark&shown")
    assert "Content-Disposition" not in response and b"#61cd9e" in response.content
    assert response.content.count(b">concat<") == 1
    assert signed_in.get("/cells/export/pdf/?cell=nasnet-a&kind=normal")["Content-Disposition"].endswith('-normal.pdf"')


@pytest.mark.parametrize(
    "query", ["svg/?cell=nasnet-a&kind=x", "svg/?cell=nasnet-a&theme=pink", "gif/?cell=nasnet-a", "svg/?cell=nothing"]
)
def test_what_there_is_not_is_not_found(signed_in, stored, query):
    assert signed_in.get(f"/cells/export/{query}").status_code == 404


@pytest.mark.parametrize("cells", DRAWN)
def test_pdf_is_one_page_as_large_as_the_drawing(cells):
    pdf = cell_pdf(cells, "A & B (ü)", "dark")
    assert pdf.startswith(b"%PDF-1.") and pdf.rstrip().endswith(b"%%EOF") and pdf.count(b"/Type /Page\n") == 1
    width, height = (float(n) for n in re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf).groups())
    size = re.search(r'width="([\d.]+)" height="([\d.]+)"', cell_svg(cells, "x"))
    assert (width, height) == pytest.approx([float(n) for n in size.groups()], abs=0.1)
    assert cell_pdf(cells, "A & B (ü)", "dark") == pdf


@pytest.mark.parametrize("cells", DRAWN)
def test_tikz_is_balanced_and_draws_every_node_and_edge(cells):
    text = cell_tikz(cells, "A\n\\end{document} 100%")
    body = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("%"))
    assert body.count("{") == body.count("}") and body.count("[") == body.count("]")
    opened = re.findall(r"\\begin\{(\w+)\}", body)
    assert opened == ["document", *["tikzpicture"] * len(cells)]
    assert sorted(re.findall(r"\\end\{(\w+)\}", body)) == sorted(opened)
    nodes = re.findall(r"\\node\[[^\]]*\] \(([\w-]+)\) at \([\d.]+,[\d.]+\) \{.*\};", body)
    assert len(nodes) == sum(len(cell.nodes) for cell in cells) == body.count(r"\node")
    edges = re.findall(r"\\draw\[[^\]]*\] \(([\w-]+)\.east\) .* \(([\w-]+)\.west\);", body)
    assert len(edges) == sum(len(node.inputs) for cell in cells for node in cell.nodes) == body.count(r"\draw")
    assert {name for edge in edges for name in edge} <= set(nodes)
    styles = set(re.findall(r"(\w+)/\.style", body))
    used = {
        part.strip().split("=")[0] for part in ",".join(re.findall(r"\\(?:node|draw)\[([^\]]*)\]", body)).split(",")
    }
    assert used <= styles | {"minimum width"}
    assert not re.search(r"[×−→\u00a0\u202f]", body)


def test_dot_quotes_and_draws_everything():
    text = cell_dot(NASNET, 'a "b" \\ c')
    assert text.startswith('digraph "a \\"b\\" \\\\ c" {') and text.count("{") == text.count("}") == 3
    assert text.count("->") == sum(len(node.inputs) for cell in NASNET for node in cell.nodes)
    assert text.count("shape=") == sum(len(cell.nodes) for cell in NASNET)
    assert text.count("style=dashed") == sum("s0" in node.inputs for cell in NASNET for node in cell.nodes)


def test_names_fit_into_their_operations():
    for cells in DRAWN:
        for cell in cells:
            for node in Picture(cell).nodes.values():
                if node.about["kind"] == "op":
                    assert node.size[0] - 32 >= 5.6 * len(node.about["label"])
        assert minidom.parseString(cell_svg(cells, "x"))


def test_page_from_disk_asks_for_nothing(signed_in, stored):
    text = signed_in.get("/cells/export/html/?cell=nasnet-a").content.decode()
    head = text[: text.index("<style>")]
    assert "default-src 'none'" in head and "<link" not in text
    assert not re.search(r"""(?:src|href)=["'](?!#)""", text) and "@import" not in text and "url(" not in sheet()
    data = json.loads(re.search(r'<script id="network" type="application/json">(.*?)</script>', text, re.S)[1])
    assert sum(place["params"] for place in data["network"]) > 0
    assert text.count("<script") == text.count("</script") == 3 and "Genotype(" in text


def test_modules_become_one_script():
    text = script("offline")
    assert (
        text.index("modules['cell-parts']") < text.index("modules['cell-diagram']") < text.index("modules['offline']")
    )
    assert not re.search(r"^(import|export)\b", text, re.M) and text.count("{") == text.count("}")


def test_strangers_get_nothing(client, stored):
    assert client.get("/cells/export/pdf/?cell=nasnet-a").status_code == 302
