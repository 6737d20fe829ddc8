"""The list of searches and the workers' page as a person uses them."""

import pytest
from playwright.sync_api import expect

WIDTHS = (360, 768, 1440)
THEMES = ("light", "dark")


@pytest.fixture(scope="module", autouse=True)
def filled(product):
    """A search in every state, and workers of two machines, one of them silent."""
    product.seed("states")
    yield
    product.seed("without_elm")


def focused(page) -> str:
    return page.evaluate("document.activeElement.textContent")


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_searches_are_found_sorted_and_walked_by_keyboard(page):
    page.goto("/searches/")
    page.get_by_role("searchbox", name="Find searches").fill("listed")
    page.get_by_role("searchbox", name="Find searches").press("Enter")
    expect(page.locator(".searches tbody tr")).to_have_count(4)
    page.get_by_role("link", name="Search", exact=True).click()
    expect(page.get_by_role("columnheader", name="Search")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("html[data-ready]")).to_be_attached()
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Listed failed"
    page.keyboard.press("End")
    assert focused(page) == "Listed stopped"
    page.keyboard.press("ArrowUp")
    assert focused(page) == "Listed paused"
    page.keyboard.press("x")
    expect(page.get_by_label("Compare Listed paused")).to_be_checked()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Listed failed")


@pytest.mark.parametrize("theme", THEMES)
def test_the_list_fits_and_is_accessible(open_page, axe, theme):
    page = open_page(theme=theme)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for address in ("/searches/?q=listed", "/searches/?q=nothing-like-it"):
            page.goto(address)
            assert fits(page)
            axe(page)
        table = page.goto("/searches/?q=listed") and page.locator(".searches")
        assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth"), (
            "nothing hides at the side"
        )


@pytest.mark.parametrize("theme", THEMES)
def test_the_workers_page_fits_and_is_accessible(open_page, axe, theme):
    page = open_page(theme=theme)
    page.goto("/workers/")
    expect(page.get_by_text("elm 3 workers")).to_be_visible()
    expect(page.get_by_role("row", name="train-1@elm")).to_contain_text("silent")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.reload()
        assert fits(page)
        table = page.locator(".processes")
        assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth"), (
            "nothing hides at the side"
        )
        axe(page)
