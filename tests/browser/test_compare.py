"""Strategies compared on a small table, from the form to the reading, in a real browser."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.nas_engine.tables import write_201

ENDS = 60_000  # milliseconds


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_201(tmp_path_factory.mktemp("tables") / "small.npz")


def test_a_comparison_from_the_form_to_the_reading(page, product, table, axe):
    page.goto(f"{product.url}/compare/")
    page.get_by_label("Table").fill(str(table))
    page.get_by_label("Seeds").fill("6")
    page.get_by_label("Trials a search").fill("60")
    for name in ("PPO", "Regularized evolution"):
        page.get_by_label(name, exact=True).uncheck()
    page.get_by_label("Local search").check()
    axe(page)
    page.get_by_role("button", name="Start comparison").click()
    expect(page).to_have_url(re.compile(r"/compare/\d+/$"))
    expect(page.get_by_text("12 searches, 2 strategies, 60 trials each")).to_be_visible()
    # The page follows by itself until everything has ended.
    expect(page.get_by_text("are still under way")).to_have_count(0, timeout=ENDS)
    expect(page.get_by_text("Local search has the best mean")).to_be_visible(timeout=ENDS)
    for name in ("trials", "time", "cost"):
        expect(page.locator(f"#plot-{name} .main-svg").first).to_be_visible()
    page.get_by_role("button", name="Parameters").click()
    expect(page.locator("#plot-cost")).to_have_attribute("aria-label", re.compile("against parameters"))
    axe(page)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    axe(page)


def test_searches_are_chosen_by_keyboard_on_their_page(page, product, table, tmp_path):
    config = tmp_path / "search.json"
    settings = {"evaluator": "tabular", "evaluator_config": {"path": str(table)}, "strategy": "random"}
    config.write_text(json.dumps(settings | {"budget": {"trials": 20}}))
    for name in ("One of two", "Two of two"):
        product.manage("search", str(config), "--set", f"name={name}", "--wait")
    page.goto(f"{product.url}/searches/")
    for name in ("One of two", "Two of two"):
        page.get_by_label(f"Compare {name}").focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Compare the chosen").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="2 searches")).to_be_visible()
    expect(page.get_by_text("There is nothing to compare it with")).to_be_visible()
