"""Every interaction of the explorer and the results pages in both themes and at three widths: while it is under way nothing
sticks out at the side and axe finds no serious fault. What each interaction does is tested where it belongs."""

import json

import pytest
from playwright.sync_api import expect

NORMAL = '[data-cell="normal"] '
SETTLED = """Promise.allSettled(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().endTime !== Infinity).map((one) => one.finished))"""
LOOKS = [(theme, width) for theme in ("light", "dark") for width in (1440, 768, 360)]


@pytest.fixture(scope="module")
def family(product) -> dict:
    return json.loads(product.seed("family"))


@pytest.fixture(scope="module")
def protocol(product) -> str:
    return product.seed("results").split()[1]


@pytest.fixture(scope="module")
def supernet(product) -> str:
    return product.seed("supernet")


@pytest.fixture(params=LOOKS, ids=[f"{theme}-{width}" for theme, width in LOOKS])
def page(request, open_page):
    theme, width = request.param
    return open_page(width, 800, theme=theme)


@pytest.fixture
def fine(page, axe):
    """``fine("the chooser open")`` looks at the page as it stands."""

    def check(doing: str) -> None:
        # What fades in or out is judged by the colours it ends with; what turns for ever is not waited for.
        page.evaluate(SETTLED)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{doing}: {over} px stick out"
        axe(page)

    return check


def opened(page, address: str, ready: str):
    page.goto(address)
    expect(page.locator(ready)).to_be_attached()


def test_a_cell_is_looked_at(page, cells, fine):
    opened(page, f"/cells/{cells['published']}/", "#explorer[data-ready]")
    fine("nothing")
    page.locator(f'{NORMAL}[data-id="b1l"]').hover()
    fine("hovering an operation")
    page.locator(f'{NORMAL}[data-id="b2r"]').click()
    expect(page.locator(f"{NORMAL}.drawing")).to_contain_class("has-path")
    fine("paths held")
    page.keyboard.press("Escape")
    page.locator("#explorer summary", has_text="Export").click()
    fine("the export menu open")
    page.keyboard.press("Escape")
    page.locator("#costs").scroll_into_view_if_needed()
    page.locator("[data-measure=params]").click()
    fine("another measure")
    page.get_by_role("tab", name="NASNet").click()
    fine("another notation")


def test_a_deep_cell_is_zoomed_and_fills_the_window(page, cells, fine):
    opened(page, f"/cells/{cells['deep']}/", "#explorer[data-ready]")
    page.locator(f"{NORMAL}.canvas").hover()
    page.locator(NORMAL).get_by_role("button", name="Zoom in").click()
    fine("zoomed")
    page.locator("#explorer [data-direction=down]").click()
    fine("from top to bottom")
    page.get_by_role("button", name="Full window").click()
    fine("alone in the window")


def test_a_cell_is_kept_in_mind(page, cells, fine):
    opened(page, f"/cells/{cells['plain']}/", "#explorer[data-ready]")
    page.get_by_role("button", name="Star", exact=True).click()
    expect(page.get_by_role("button", name="Starred")).to_be_visible()
    fine("a toast after the star")
    page.get_by_role("button", name="Pin above the leaderboard").click()
    page.get_by_label("Tags").fill("small")
    page.get_by_label("Note", exact=True).fill("Half the cost of the best, and half a point below it.")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_label("Tags")).to_have_value("small")
    fine("a toast after the note")
    page.get_by_role("button", name="Pinned").click()
    page.get_by_role("button", name="Starred").click()


def test_a_cell_is_edited(page, fine):
    opened(page, "/cells/edit/?from=darts-v2", "#editor[data-ready]")
    page.locator(f'{NORMAL}[data-id="b1l"]').click()
    chooser = page.locator('#inspector select[data-edit="normal.1.left_operation"]')
    expect(chooser).to_be_visible()
    fine("the chooser open")
    chooser.select_option(label="skip")
    expect(page.locator(f'{NORMAL}[data-id="b1l"] text')).to_have_text("skip")
    fine("an operation changed")
    page.get_by_role("button", name="Undo").click()
    fine("the change undone")


def test_two_cells_are_compared(page, fine):
    opened(page, "/cells/diff/?a=darts-v1&b=darts-v2", "#diff[data-ready]")
    fine("side by side")
    page.locator('[data-drawing="normal-a"] [data-id="b4l"]').hover()
    fine("hovering a node")
    page.get_by_role("button", name="Overlaid").click()
    fine("overlaid")


def test_cells_are_chosen_pinned_and_tagged(page, protocol, fine):
    opened(page, f"/leaderboard/?protocol={protocol}", "html[data-linked]")
    rows = page.locator("tbody[data-linked]").last.locator("tr")
    rows.nth(0).get_by_role("checkbox").check()
    rows.nth(2).get_by_role("checkbox").check()
    fine("rows chosen")
    page.locator("#selection").get_by_role("button", name="Pin").click()
    expect(page.locator("tbody.pinned tr")).to_have_count(2)
    fine("rows pinned")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator("tbody.pinned tr")).to_have_count(0)
    star = rows.nth(1).locator(".star")
    star.click()
    expect(page.locator(".toast")).to_contain_text("starred")
    fine("a toast after the star")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "false")
    rows.nth(3).hover()
    fine("hovering a row")


def test_the_leaderboards_menus_are_open(page, protocol, fine):
    opened(page, f"/leaderboard/?protocol={protocol}&q=op:sep&macs_min=x", "html[data-linked]")
    fine("a field that is wrong")
    for name in ("Columns", "Save this view"):
        page.locator("summary", has_text=name).click()
        fine(f"the menu {name} open")
        page.keyboard.press("Escape")
    page.locator("summary", has_text="How these numbers were obtained").click()
    fine("the protocol open")


def test_the_boards_plots_are_used(page, protocol, fine):
    opened(page, f"/leaderboard/?protocol={protocol}&view=positions", "html[data-linked]")
    fine("operations by position")
    opened(page, f"/leaderboard/?protocol={protocol}&view=parallel", "#parallel[data-ready]")
    axis = page.locator(".axis").first.locator(".hit")
    axis.focus()
    axis.press("ArrowUp")
    expect(page.locator("#brushed")).to_contain_text("cells lie within valid")
    fine("an axis brushed")
    page.get_by_role("button", name="Filter by these").click()
    expect(page.locator(".chip.on").first).to_contain_text("Accuracy from")
    fine("filtered")


def test_a_family_and_its_trials_are_looked_at(page, family, fine):
    opened(page, f"/cells/{family['cell']}/", "#explorer[data-ready]")
    page.locator("#around").scroll_into_view_if_needed()
    expect(page.locator("ol.family li")).to_have_count(9)
    fine("the family in the cell's page")
    page.goto(f"/cells/{family['cell']}/around/?protocol={family['protocol']}")
    expect(page.locator("[data-figure=among][data-drawn]")).to_be_attached()
    fine("the neighbourhood")
    page.goto(f"/searches/{family['search']}/")
    expect(page.locator("#h-known")).to_be_visible()
    fine("a search with its ledger and its family tree")
    for number in (family["trial"], family["failed"]):
        page.goto(f"/searches/{family['search']}/trials/{number}/")
        expect(page.locator("#trial-head")).to_be_visible()
        fine(f"trial {number}")


def test_a_supernets_past_is_looked_at(page, supernet, fine):
    page.goto(f"/searches/{supernet}/")
    expect(page.locator("#plot-shared-normal[data-drawn]")).to_be_visible()
    page.locator("#shared-time").focus()
    page.locator("#shared-time").press("ArrowLeft")
    expect(page.locator("#shared-at")).to_have_text("2")
    fine("an earlier epoch")


def test_the_shell_is_used(page, fine):
    opened(page, "/?tour=1", "#tour")
    for _ in range(2):
        page.locator("#tour").get_by_role("button", name="Next").click()
    expect(page.locator("#tour")).to_contain_text("3 of 5")
    fine("in the middle of the tour")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    fine("the sheet of keys")
