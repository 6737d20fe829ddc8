"""Successive halving in the browser: its own fields in the form, and its rungs on three pages, at both widths and themes."""

import pytest
from playwright.sync_api import expect

RULE = "evaluator_config.standalone."
PATIENT = 120_000  # a loaded machine takes its time; nothing here waits for a clock


@pytest.fixture(scope="module")
def halved(product) -> str:
    """The number of a finished search by successive halving."""
    return product.seed("halved")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_rungs_are_asked_for_and_shown(open_page, halved, axe, theme, width):
    page = open_page(width=width, theme=theme)
    page.set_default_timeout(PATIENT)

    def check() -> None:
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0

    page.goto("/searches/new/")
    expect(page.locator("#composer")).to_have_attribute("data-ready", "", timeout=PATIENT)
    least = page.locator(f'[name="{RULE}minimum_epochs"]')
    expect(least).to_be_hidden()
    page.locator(f'[name="{RULE}early_stopping"]').select_option("asha")
    expect(least).to_be_visible()
    expect(page.locator(f'[name="{RULE}grace"]')).to_be_hidden()
    said = page.locator("#f-evaluator_config-standalone-minimum_epochs-said")
    expect(said).to_have_text("Rungs after 1 and 4 of 8 epochs.", timeout=PATIENT)
    least.fill("8")
    expect(said).to_contain_text("must come before the end", timeout=PATIENT)
    check()
    page.goto(f"/searches/{halved}/")
    expect(page.locator("#rungs tbody tr")).to_have_count(3)
    expect(page.locator("#rungs tbody tr").first).to_contain_text("60.00")
    check()
    page.goto(f"/searches/{halved}/trials/8/")
    expect(page.locator("#rungs .decision")).to_contain_text(["went on", "stopped"])
    check()
    page.locator("#trial-head").get_by_role("link", name="Open cell").click()
    expect(page.locator("#around .decision")).to_contain_text(["went on", "stopped"], timeout=PATIENT)
    check()
