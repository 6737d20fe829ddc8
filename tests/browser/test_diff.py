"""Comparing two cells as a person does it: chosen in the table, looked at side by side and overlaid."""

import pytest
from playwright.sync_api import expect

PAIR = "/cells/diff/?a=darts-v1&b=darts-v2"


@pytest.fixture
def pair(page):
    page.goto(PAIR)
    expect(page.locator("#diff[data-ready]")).to_be_attached()
    return page


def test_two_cells_chosen_in_the_table_are_compared(page, cells):
    page.goto("/leaderboard/")
    expect(page.locator("html[data-linked]")).to_be_attached()
    button, ticks = page.get_by_role("button", name="Compare"), page.locator("tbody input[name=cell]")
    ticks.nth(0).check()
    expect(button).to_be_disabled()
    ticks.nth(1).check()
    button.click()
    expect(page.locator("h1")).to_contain_text(" and ")
    assert "a=" in page.url and "b=" in page.url and "protocol=" in page.url


def test_looking_at_a_node_looks_at_its_partner(pair):
    node = pair.locator('[data-drawing="normal-a"] [data-id="b4l"]')
    node.hover()
    partner = pair.locator('[data-drawing="normal-b"]')
    expect(partner.locator('[data-id="b4l"]')).to_contain_class("on")
    expect(partner.locator(".drawing")).to_contain_class("has-path")


def test_overlaid_shows_what_became_of_what(pair):
    expect(pair.locator('[data-drawing="normal-over"]')).to_be_hidden()
    pair.get_by_role("button", name="Overlaid").click()
    over = pair.locator('[data-drawing="normal-over"]')
    expect(over.locator('[data-id="b2l"]')).to_contain_text("skip → sep 3×3")
    expect(over.get_by_role("button", name="skip → sep 3×3 on hi−1, block 2 left, changed")).to_be_visible()
    expect(pair.locator('[data-drawing="normal-a"]')).to_be_hidden()
    expect(pair.locator('[data-drawing="reduction-over"] .cell-edge.diff-removed')).to_have_count(2)


def test_fading_can_be_switched_off(pair):
    same = pair.locator('[data-drawing="normal-a"] [data-id="b1l"]')
    assert same.evaluate("e => getComputedStyle(e).opacity") == "0.42"
    pair.get_by_label("Fade what is the same").uncheck()
    pair.wait_for_timeout(250)
    assert same.evaluate("e => getComputedStyle(e).opacity") == "1"


def test_swap_turns_signs_around(pair):
    before = pair.locator(".versus tfoot td").nth(2).inner_text()
    pair.get_by_role("link", name="Swap").click()
    expect(pair.locator(".versus tfoot td").nth(2)).to_have_text(before.replace("+", "−"))


@pytest.mark.parametrize(
    "path", ["/cells/diff/?a=nasnet-a", "/cells/similar/?cell=darts-v1", "/cells/diff/?a=darts-v1&b=nasnet-a"]
)
@pytest.mark.parametrize(("theme", "width"), [("light", 360), ("dark", 1440)])
def test_what_lies_beside_it_is_accessible(open_page, cells, axe, path, theme, width):
    page = open_page(width, 800, theme=theme)
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    axe(page)


def test_it_reads_without_javascript(open_page):
    page = open_page(java_script_enabled=False)
    page.goto(PAIR)
    expect(page.locator(".changes tbody tr")).to_have_count(5)
