"""The cell page and the leaderboard as a person uses them: pointer, keyboard, phone, downloads."""

import io
import json
import zipfile

import pytest
from playwright.sync_api import expect

SIZES = ((1440, 900), (768, 900), (360, 740))


@pytest.fixture
def cell_page(page, cells):
    return opened(page, cells["published"])


def opened(page, key: str):
    page.goto(f"/cells/{key}/")
    expect(page.locator("#explorer[data-ready]")).to_be_attached()
    return page


def node(page, id_: str, kind: str = "normal"):
    return page.locator(f'[data-cell="{kind}"] [data-id="{id_}"]')


def test_hovering_an_operation_says_what_it_is_and_costs(cell_page):
    inspector = cell_page.locator("#inspector")
    expect(inspector.get_by_role("heading")).to_have_text("Normal cell 2")
    node(cell_page, "b1l").hover()
    expect(inspector.get_by_role("heading")).to_have_text("sep 5×5")
    rows = dict(zip(inspector.locator("dt").all_inner_texts(), inspector.locator("dd").all_inner_texts(), strict=True))
    assert rows["Kind"] == "separable convolution" and rows["Where"] == "block 1, left" and rows["Stride"] == "1"
    assert rows["Output"] == "16\u00a0×\u00a04\u00a0×\u00a04"
    macs = 2 * (25 * 16 + 16 * 16) * 16  # depthwise and pointwise, twice, on 4 x 4
    assert (
        rows["MACs"] == f"{macs / 1000:.1f}\u00a0k"
        and rows["Parameters"] == f"{2 * (25 * 16 + 16 * 16 + 2 * 16)} 19\u00a0%"
    )
    cell_page.locator("h1").hover()
    expect(inspector.get_by_role("heading")).to_have_text("Normal cell 2")


def test_hovering_lights_the_paths_and_dims_the_rest(cell_page):
    node(cell_page, "b1r", "reduction").hover()
    drawing = cell_page.locator('[data-cell="reduction"] svg[role="group"]')
    expect(drawing).to_contain_class("has-path")
    lit = drawing.locator(".cell-node.on").evaluate_all("nodes => nodes.map((n) => n.dataset.id)")
    assert set(lit) == {"s0", "b1r", "s2", "b4r", "b5l", "s5", "s6", "concat", "out"}


def test_click_holds_the_paths_until_escape_or_a_second_click(cell_page):
    held = node(cell_page, "b2r", "reduction")
    held.click()
    expect(held).to_have_attribute("aria-pressed", "true")
    cell_page.locator("h1").hover()
    expect(cell_page.locator("#inspector h3")).to_have_text("sep 7×7")
    cell_page.get_by_role("button", name="Let go").click()
    expect(held).to_have_attribute("aria-pressed", "false")
    held.click()
    cell_page.keyboard.press("Escape")
    expect(held).to_have_attribute("aria-pressed", "false")
    held.click()
    node(cell_page, "b1l").click()
    expect(held).to_have_attribute("aria-pressed", "false")
    expect(node(cell_page, "b1l")).to_have_attribute("aria-pressed", "true")


def test_keyboard_walks_the_graph_with_one_tab_stop(cell_page):
    drawing = cell_page.locator('[data-cell="normal"] svg[role="group"]')
    expect(drawing.locator('[tabindex="0"]')).to_have_count(1)
    node(cell_page, "s0").focus()
    visited = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "Home", "ArrowDown", "End"):
        cell_page.keyboard.press(key)
        visited.append(cell_page.evaluate("document.activeElement.dataset.id"))
    assert visited[0].startswith("b") and visited[1].startswith("s") and visited[2:5] == ["concat", "out", "concat"]
    assert visited[5:] == ["s0", "s1", "out"]
    expect(drawing.locator('[tabindex="0"]')).to_have_attribute("data-id", "out")
    cell_page.keyboard.press("Home")
    cell_page.keyboard.press("ArrowRight")
    cell_page.keyboard.press("Enter")
    focused = cell_page.evaluate("document.activeElement.getAttribute('aria-pressed')")
    assert focused == "true" and "on hi−1" in cell_page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_choosing_a_cell_of_the_network_moves_costs_everywhere(cell_page):
    strip = cell_page.get_by_role("radiogroup", name="Cell of the network")
    strip.get_by_role("radio", name="normal cell 3").click()
    expect(cell_page.locator("#cost-where")).to_have_text("normal cell 3, 32 filters, 2 × 2")
    expect(cell_page.locator("#position")).to_contain_text("normal cell 3")
    cell_page.keyboard.press("ArrowLeft")
    expect(cell_page.locator("#cost-where")).to_have_text("reduction 2, 32 filters, 2 × 2")
    expect(strip.get_by_role("radio", name="reduction 2")).to_be_focused()
    cell_page.get_by_role("button", name="Parameters").click()
    expect(cell_page.locator(".cost-row").first).to_contain_text("sep 7×7")


def test_a_cell_of_the_network_is_expanded_in_place(cell_page):
    expanded = cell_page.locator("#expanded")
    expect(expanded).to_be_hidden()
    cell_page.get_by_role("button", name="Expand in place").click()
    expect(expanded.get_by_role("heading")).to_have_text("Normal cell 2")
    cell_page.get_by_role("radio", name="reduction 2").click()
    expect(expanded.get_by_role("heading")).to_have_text("Reduction 2")
    expect(expanded).to_contain_text("→ 128 × 2 × 2, 32 filters".replace(" ×", "\u00a0×").replace("× ", "×\u00a0"))
    expect(expanded.locator('[data-id="b4r"]')).to_be_visible()
    cell_page.keyboard.press("Enter")
    expect(expanded).to_be_hidden()


def test_theme_switch_recolours_drawing_and_plot(cell_page):
    expect(cell_page.locator("[data-figure=among][data-drawn]")).to_be_attached()
    colour = "getComputedStyle(document.querySelector('.cell-node.op-sep .cap-shape')).fill"
    line = "document.querySelector('[data-figure=among] .scatterlayer path.js-line').style.stroke"
    assert cell_page.evaluate(colour) == "rgb(0, 112, 83)"
    before = cell_page.evaluate(line)
    cell_page.get_by_label("You: owner").click()
    cell_page.get_by_role("button", name="Dark").click()
    assert cell_page.evaluate(colour) == "rgb(97, 205, 158)"
    cell_page.wait_for_timeout(400)
    assert cell_page.evaluate(line) != before


def test_a_worker_measures_the_latency_of_every_node(open_page, cells, axe):
    page = opened(open_page(), cells["plain"])
    page.get_by_role("button", name="Latency", exact=True).click()
    expect(page.locator("#costs")).to_have_text("Not measured by node yet.")
    page.get_by_role("button", name="Measure latency per node").click()
    expect(page.locator("#node-latency")).to_contain_text("The times appear here.")
    axe(page)
    expect(page.locator("#costs")).to_contain_text("ms", timeout=90_000)
    expect(page.get_by_role("button", name="Latency", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#node-latency")).to_contain_text("All nodes add up to")
    rows = page.locator("#costs .cost-row").all_inner_texts()
    shares = [float(row.split()[-2]) for row in rows]
    assert len(rows) >= 5 and 97 <= sum(shares) <= 103 and shares == sorted(shares, reverse=True)
    page.reload()
    node(page, "b1l").hover()
    inspector = page.locator("#inspector")
    said = dict(zip(inspector.locator("dt").all_inner_texts(), inspector.locator("dd").all_inner_texts(), strict=True))
    assert "ms" in said["Latency"] or said["Latency"] == "none of its own"
    page.locator("h1").hover()
    expect(inspector).to_contain_text("this cell")
    for theme in ("light", "dark"):
        page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            opened(page, cells["plain"])
            page.get_by_role("button", name="Latency", exact=True).click()
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            table = page.locator("#inspector table")
            if table.is_visible():
                assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth")
            axe(page)


def test_downloads(cell_page, cells):
    cell_page.locator("summary", has_text="Export").click()
    with cell_page.expect_download() as saved:
        cell_page.get_by_role("link", name="SVG, dark").click()
    assert saved.value.suggested_filename == "NASNet-A.svg"
    assert saved.value.path().read_text().startswith("<svg xmlns=")
    with cell_page.expect_download() as saved:
        cell_page.get_by_role("button", name="PNG, light").click()
    assert saved.value.suggested_filename == "NASNet-A-light.png"
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
    with cell_page.expect_download() as saved:
        cell_page.get_by_role("link", name="Download weights").click()
    with zipfile.ZipFile(io.BytesIO(saved.value.path().read_bytes())) as archive:
        assert "model.py" in archive.namelist() and archive.testzip() is None


def test_genotype_is_copied_in_the_notation_shown(open_page, cells):
    page = opened(open_page(permissions=["clipboard-read", "clipboard-write"]), cells["published"])
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator(".toast")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("Genotype(\n    normal=[('sep_conv_5x5', 1)")
    page.get_by_role("tab", name="JSON").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    page.wait_for_timeout(100)
    assert len(json.loads(page.evaluate("navigator.clipboard.readText()"))) == 2


def test_zoom_pan_and_direction(cell_page):
    scene = cell_page.locator('[data-cell="normal"] svg[role="group"] > g')
    home = scene.get_attribute("transform")
    cell_page.locator('[data-cell="normal"] .canvas').hover()
    cell_page.locator('[data-cell="normal"]').get_by_role("button", name="Zoom in").click()
    assert scene.get_attribute("transform") != home
    cell_page.locator('[data-cell="normal"]').get_by_role("button", name="Fit").click()
    assert scene.get_attribute("transform") == home
    box = cell_page.locator('[data-cell="normal"] .canvas').bounding_box()
    cell_page.mouse.move(box["x"] + 20, box["y"] + 20)
    cell_page.mouse.down()
    cell_page.mouse.move(box["x"] + 60, box["y"] + 50, steps=4)
    cell_page.mouse.up()
    assert scene.get_attribute("transform") != home
    cell_page.get_by_role("button", name="Top to bottom").click()
    top, bottom = (node(cell_page, id_).bounding_box()["y"] for id_ in ("s0", "out"))
    assert top < bottom
    cell_page.get_by_role("button", name="Reduction", exact=True).click()
    expect(cell_page.locator('[data-cell="normal"]')).to_be_hidden()


def test_on_a_phone_a_held_node_opens_a_sheet_that_can_be_let_go(open_page, cells):
    page = opened(open_page(width=360, height=740, has_touch=True), cells["published"])
    node(page, "b2r").tap()
    sheet = page.locator("#inspector")
    assert sheet.evaluate("e => getComputedStyle(e).position") == "fixed"
    page.get_by_role("button", name="Let go").tap()
    assert sheet.evaluate("e => getComputedStyle(e).position") != "fixed"


def test_cell_page_reads_without_javascript(open_page, cells):
    page = open_page(java_script_enabled=False)
    page.goto(f"/cells/{cells['published']}/")
    picture = page.locator('img[alt="Normal cell of NASNet-A"]')
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 300
    expect(page.locator(".figures")).to_contain_text("99.31")
    expect(page.locator("#downloads")).to_contain_text("accuracy 0.9931")
    expect(page.get_by_role("button", name="Zoom in")).to_have_count(0)


def test_a_nearby_cell_is_one_click_away(page, cells):
    opened(page, cells["plain"])
    near = page.locator(".nearby li").first
    expect(near).to_contain_text("normal, block 1 left: ")
    near.get_by_role("link").click()
    expect(page.locator(".nearby")).to_contain_text("→")


def test_leaderboard_links_rows_and_points_and_filters_by_dragging(page, cells):
    page.goto("/leaderboard/")
    expect(page.locator("html[data-linked]")).to_be_attached()
    second = page.locator("tbody tr").nth(1)
    second.hover()
    expect(page.locator("#plot-cost .hovertext")).to_contain_text(second.get_attribute("data-id"))
    best = page.locator("#plot-cost .points path").last
    best.hover(force=True)
    expect(page.locator("tr.linked")).to_have_count(1)
    box = page.locator("#plot-cost .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=6)
    page.mouse.up()
    page.wait_for_url("**macs_min=**")
    expect(page.locator(".chip.on")).to_have_count(4)
    assert 0 < page.locator("tbody tr").count() < 25
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.locator(".chip.on")).to_have_count(0)


def test_leaderboard_filters_by_choosing_and_keeps_the_address_short(page, product, cells):
    page.goto("/leaderboard/")
    expect(page.locator("html[data-linked]")).to_be_attached()
    page.locator("#protocol").select_option(label="digits, 20 epochs, N 1, F 8: 1")
    expect(page.locator(".board-table tbody[data-linked] tr")).to_have_count(1)
    assert "acc_min" not in page.url and "q=" not in page.url
    page.get_by_label("Find").fill("NASNet-A")
    page.get_by_label("Find").press("Enter")
    expect(page.locator(".board-table tbody[data-linked] tr")).to_have_count(1)
    page.get_by_role("link", name="NASNet-A", exact=True).click()
    expect(page.locator("h1")).to_have_text("NASNet-A")
    assert "protocol=" in page.url


def test_neighbourhood_comes_when_the_rest_stands(cell_page):
    around = cell_page.locator("#around")
    expect(around.get_by_role("heading", name="Among all cells")).to_be_visible()
    expect(around.locator(".plot[data-drawn]").first).to_be_attached()
    expect(around).to_contain_text("Pareto front")
