"""The cell diagram by wheel, fingers and keys, on a cell too large for its place, and alone in the window."""

import pytest
from playwright.sync_api import expect

NORMAL = '[data-cell="normal"] '


def opened(page, key: str):
    page.goto(f"/cells/{key}/")
    expect(page.locator("#explorer[data-ready]")).to_be_attached()
    return page


def scene(page):
    return page.locator(f"{NORMAL}.scene")


def scale(page) -> float:
    return page.evaluate("document.querySelector('[data-cell=normal] .scene').getCTM().a")


def middle(page) -> tuple[float, float]:
    box = page.locator(f"{NORMAL}.drawing").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_deep_cell_pans_under_a_map(page, cells):
    opened(page, cells["deep"])
    overview = page.locator(f"{NORMAL}.minimap")
    expect(overview).to_be_visible()
    expect(page.locator('[data-cell="reduction"] .minimap')).to_be_hidden()
    before, box = scene(page).get_attribute("transform"), overview.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
    expect(scene(page)).not_to_have_attribute("transform", before)
    place, out = (page.locator(f"{NORMAL}{each}").bounding_box() for each in (".drawing", '[data-id="out"]'))
    assert place["x"] < out["x"] < place["x"] + place["width"]
    page.locator(f"{NORMAL}.canvas").hover()
    page.locator(NORMAL).get_by_role("button", name="Fit").click()
    expect(overview).to_be_hidden()


def test_keys_bring_the_next_node_into_sight(page, cells):
    opened(page, cells["deep"])
    page.locator(f'{NORMAL}[data-id="s0"]').focus()
    page.keyboard.press("End")
    page.wait_for_timeout(100)
    place, out = (page.locator(f"{NORMAL}{each}").bounding_box() for each in (".drawing", '[data-id="out"]'))
    assert place["x"] < out["x"] and out["x"] + out["width"] < place["x"] + place["width"]


def test_wheel_zooms_with_control_only_and_keys_zoom(page, cells):
    opened(page, cells["published"])
    home = scale(page)
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(100)
    assert scale(page) == home
    page.evaluate("window.scrollTo(0, 0)")
    page.mouse.move(*middle(page))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_timeout(100)
    assert scale(page) > home * 1.5
    page.locator(f'{NORMAL}[data-id="s1"]').focus()
    page.keyboard.press("0")
    assert scale(page) == pytest.approx(home)
    page.keyboard.press("+")
    assert scale(page) == pytest.approx(1.25 * home)
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert scale(page) == pytest.approx(0.8 * home)


def test_two_fingers_zoom(open_page, cells):
    page = opened(open_page(width=360, height=740, has_touch=True), cells["published"])
    page.locator(f"{NORMAL}.drawing").evaluate("e => e.scrollIntoView({block: 'center'})")
    home, (x, y) = scale(page), middle(page)
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, apart: float | None):
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}] if apart else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 40)
    for apart in (50, 60, 70, 80):
        fingers("touchMove", apart)
    fingers("touchEnd", None)
    page.wait_for_timeout(100)
    assert scale(page) == pytest.approx(2 * home, rel=0.15)


def test_edges_are_as_wide_as_they_carry_channels(page, cells):
    opened(page, cells["published"])
    width = "e => parseFloat(getComputedStyle(e).strokeWidth)"
    drawing = page.locator(f"{NORMAL}.drawing")
    assert drawing.locator(".cell-edge").first.evaluate(width) == 1.25
    # Six states are stacked: six times the channels.
    assert drawing.locator(".cell-edge").last.evaluate(width) == pytest.approx(1.25 * 6**0.5, abs=0.01)


def test_full_window_leaves_only_the_explorer_in_reach(page, cells):
    opened(page, cells["published"])
    page.get_by_role("button", name="Normal", exact=True).click()
    home, button = scale(page), page.get_by_role("button", name="Full window")
    button.click()
    box = page.locator("#explorer").bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 1440, 900)
    assert scale(page) > home and page.locator("header.bar").evaluate("e => e.inert")
    grown = scale(page)
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(100)
    assert scale(page) > grown
    page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(button).to_be_focused()
    assert scale(page) == pytest.approx(home) and not page.locator("header.bar").evaluate("e => e.inert")


def test_on_paper_the_whole_drawing_is_seen(page, cells):
    opened(page, cells["deep"])
    before, drawing = scene(page).get_attribute("transform"), page.locator(f"{NORMAL}.drawing")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.wait_for_timeout(100)
    box, out = (page.locator(f"{NORMAL}{each}").bounding_box() for each in (".drawing", '[data-id="out"]'))
    assert out["x"] + out["width"] <= box["x"] + box["width"]
    expect(page.get_by_role("button", name="Full window")).to_be_hidden()
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.wait_for_timeout(100)
    assert drawing.get_attribute("viewBox") is None and scene(page).get_attribute("transform") == before


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 360])
def test_a_deep_cell_is_accessible_and_keeps_to_the_page(open_page, cells, axe, theme, width):
    page = opened(open_page(width, 800, theme=theme), cells["deep"])
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    axe(page)
