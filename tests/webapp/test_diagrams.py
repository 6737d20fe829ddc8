"""Layouts, thumbnails, mix bars and SVG files of cells."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from xml.dom import minidom

import pytest

from nas_engine import zoo
from nas_engine.cell import Block, Cell
from nas_engine.operations import FAMILIES, OPERATIONS
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from webapp.diagrams import layout, mix_bar, thumbnail
from webapp.diagrams.colours import palette
from webapp.diagrams.glyphs import GLYPHS
from webapp.diagrams.layered import arrange
from webapp.diagrams.svg import cell_svg

ROOT = Path(__file__).resolve().parents[2]
CHAIN = Cell("normal", tuple(Block(i + 1, "sep_conv_3x3", i, "identity", "concat") for i in range(7)), (8,))
LONELY = Cell("normal", (Block(1, "conv_1x1", 1, "max_pool_3x3"),), (2,))  # the older input is not used
DANGLING = Cell("reduction", (Block(0, "identity", 1, "identity"), Block(0, "conv_3x3", 1, "conv_1x1")), (3,))


def sampled(blocks: int, count: int) -> list[Cell]:
    space, rng = NASNetSpace(NASNetConfig(blocks=blocks)), random.Random(blocks)
    return [cell for _ in range(count) for cell in space.cells(space.sample(rng))]


CELLS = [
    *zoo.get("nasnet-a").cells,
    *zoo.get("enas-micro").cells,
    CHAIN,
    LONELY,
    DANGLING,
    *sampled(5, 10),
    *sampled(7, 4),
]


@pytest.mark.parametrize("cell", CELLS)
def test_layout_has_every_node_and_edge_and_flows_forward(cell):
    found = layout(cell)
    nodes = {node["id"]: node for node in found["nodes"]}
    assert list(nodes) == [node.id for node in cell.nodes]
    assert [(edge["from"], edge["to"]) for edge in found["edges"]] == [
        (source, node.id) for node in cell.nodes for source in node.inputs
    ]
    for edge in found["edges"]:
        ranks = [nodes[edge["from"]]["rank"], *(rank for rank, _ in edge["via"]), nodes[edge["to"]]["rank"]]
        assert ranks == list(range(ranks[0], ranks[-1] + 1)), "an edge passes every rank between its ends"
        assert ranks[0] < ranks[-1]
        assert bool(edge.get("older")) == (edge["from"] == "s0")
    assert nodes["s0"]["rank"] == nodes["s1"]["rank"] == 0
    assert nodes["s0"]["lane"] < nodes["s1"]["lane"]
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("cell", CELLS)
def test_nodes_of_a_rank_do_not_overlap(cell):
    by_rank = {}
    for node in layout(cell)["nodes"]:
        by_rank.setdefault(node["rank"], []).append(node["lane"])
    for lanes in by_rank.values():
        lanes.sort()
        assert all(b - a >= 0.99 for a, b in zip(lanes, lanes[1:], strict=False))
        assert lanes[0] >= 0


def test_published_cells_are_drawn_with_few_crossings():
    crossings = [layout(cell)["crossings"] for name in ("nasnet-a", "amoebanet-a") for cell in zoo.get(name).cells]
    assert crossings[0] <= 1 and sum(crossings) <= 8, crossings


def test_layout_is_the_same_in_every_process():
    code = (
        "import json, hashlib; from nas_engine import zoo; from webapp.diagrams.layout import layout;"
        "cells = [c for n in ('nasnet-a', 'enas-micro', 'amoebanet-b') for c in zoo.get(n).cells];"
        "print(hashlib.sha256(json.dumps([layout(c) for c in cells]).encode()).hexdigest())"
    )
    env = {"PYTHONPATH": str(ROOT), "PATH": ""}
    runs = [
        subprocess.run([sys.executable, "-c", code], env=env | {"PYTHONHASHSEED": seed}, text=True, capture_output=True)
        for seed in ("1", "2")
    ]
    assert runs[0].stdout and runs[0].stdout == runs[1].stdout, runs[0].stderr


def test_a_self_loop_is_refused_before_it_reaches_the_layout_library():
    with pytest.raises(ValueError, match="own input"):
        arrange([(0, 1), (1, 1)])
    with pytest.raises(ValueError, match="several pieces"):
        arrange([(0, 1), (2, 3)])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("size", [(74, 30), (96, 34), (176, 84)])
def test_thumbnail_is_small_and_shows_every_operation_inside_its_frame(cell, size):
    text = thumbnail(cell, *size)
    assert len(text.encode()) <= 2048
    svg = minidom.parseString(text).documentElement
    families = sorted(rect.getAttribute("class") for rect in svg.getElementsByTagName("rect"))
    drawn = [OPERATIONS[name].family for block in cell.blocks for name in (block.left_operation, block.right_operation)]
    assert families == sorted([*(f"op-{family}" for family in drawn), "out"])
    for rect in svg.getElementsByTagName("rect"):
        x, y, w, h = (float(rect.getAttribute(name)) for name in ("x", "y", "width", "height"))
        assert w > 1 and h > 1
        assert x >= -0.1 and x + w <= size[0] + 0.1 and y >= -0.6 and y + h <= size[1] + 0.6
    assert svg.getAttribute("aria-label").startswith(f"{cell.kind} cell, {len(cell.blocks)} blocks: ")


def test_thumbnail_has_one_edge_for_every_input_and_output():
    cell = zoo.get("nasnet-a").cells[0]
    path = minidom.parseString(thumbnail(cell)).getElementsByTagName("path")[0].getAttribute("d")
    assert path.count("M") == 2 * len(cell.blocks) + len(cell.concat)


def test_mix_bar_adds_up_and_says_what_it_shows():
    svg = minidom.parseString(mix_bar(zoo.get("nasnet-a").cells)).documentElement
    widths = [float(rect.getAttribute("width").rstrip("%")) for rect in svg.getElementsByTagName("rect")]
    assert sum(widths) == pytest.approx(100, abs=0.1) and widths == sorted(widths, reverse=True)
    assert svg.getAttribute("aria-label").startswith("10 separable convolution, ")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_svg_file_is_whole_and_has_literal_colours_only(theme):
    cells = zoo.get("nasnet-a").cells
    text = cell_svg(cells, "NASNet-A <&>", theme)
    document = minidom.parseString(text)
    assert document.getElementsByTagName("title")[0].firstChild.data == "NASNet-A <&>: normal cell, reduction cell"
    assert not re.search(r"var\(|class=| style=|<script|href|light-dark", text)
    labels = [node.firstChild.data for node in document.getElementsByTagName("text") if node.firstChild]
    assert labels.count("sep 5×5") == 4 and labels.count("concat") == 2
    assert palette(theme)["op-sep"] in text and palette(theme)["surface"] in text


def test_svg_file_tells_a_concatenating_block_from_an_adding_one():
    assert "M-3-3.5v7M3-3.5v7" in cell_svg((CHAIN,), "chain")
    assert "M-3-3.5v7M3-3.5v7" not in cell_svg((LONELY,), "lonely")


def test_every_family_has_a_colour_in_both_themes_and_a_glyph():
    for family in FAMILIES:
        assert palette("light")[f"op-{family}"] != palette("dark")[f"op-{family}"]
        assert GLYPHS[family]


def test_glyphs_of_the_page_and_of_the_file_are_the_same():
    script = (ROOT / "static" / "js" / "cell-parts.js").read_text()
    assert dict(re.findall(r"^  (\w+): '(M[^']+)',$", script, re.M)) == GLYPHS
