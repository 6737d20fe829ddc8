"""Editing whole networks by the decisions of their space, by pointer and keyboard."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.test_search import digits  # noqa: F401

TINY = {
    "name": "Layers to edit",
    "space": "nas",
    "space_config": {"layers": 4, "pools": 1, "filters": ["4", "8"]},
    "strategy": "random",
    "data": {"dataset": "digits", "valid_fraction": 0.2, "train_limit": 200},
    "training": {"epochs": 1, "batch_size": 64, "crop": 1, "flip": False, "precision": "float32"},
    "budget": {"trials": 1, "parallelism": 1, "keep_weights": 0},
}


@pytest.fixture(scope="module")
def network(product, digits):  # noqa: F811
    """The address of a searched network's cell page."""
    file = product.data / "layers.json"
    file.write_text(json.dumps(TINY))
    found = product.json("search", str(file), "--wait")
    return f"/cells/{found['best']['key']}/"


def opened(page, network):
    page.goto(network)
    page.get_by_role("link", name="Edit a copy").click()
    expect(page.locator("#editor[data-ready]")).to_be_attached()
    return page


def test_a_layer_is_changed_in_the_diagram_undone_redone_and_trained(page, network):
    opened(page, network)
    params = page.locator(".figures .first dd").first
    before = params.inner_text()
    page.locator('[data-id="layer2"]').click()
    chooser = page.locator('#inspector select[aria-label="layer 2: filters"]')
    other = "8" if chooser.locator("option:checked").inner_text() == "4" else "4"
    chooser.select_option(label=other)
    expect(page.locator("h1")).to_have_text("Edited network")
    expect(params).not_to_have_text(before)
    expect(page.locator('form select[aria-label="layer 2: filters"] option:checked')).to_have_text(other)
    page.get_by_role("button", name="Undo").click()
    expect(params).to_have_text(before)
    page.keyboard.press("Control+Shift+z")
    expect(params).not_to_have_text(before)
    page.reload()
    expect(page.locator("#editor[data-ready]")).to_be_attached()
    expect(page.locator("h1")).to_have_text("Edited network")
    page.get_by_role("button", name="Train this").click()
    expect(page.locator("h1")).to_contain_text("edited")
    expect(page.locator("body")).to_contain_text("1 of 1 trials", timeout=120_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 360])
def test_the_page_is_accessible_and_fits(open_page, network, axe, width, theme):
    page = opened(open_page(width=width, theme=theme), network)
    axe(page)
    page.locator('[data-id="layer1"]').click()
    expect(page.locator('#inspector select[aria-label="layer 1: height"]')).to_be_visible()
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
