"""A sweep over random graphs as a person meets it: trained for real, its page, and one of its networks taken apart."""

import pytest
from playwright.sync_api import expect

SMALL = {
    "data.train_limit": "120",
    "data.valid_fraction": "0.25",
    "skeleton.filters": "4",
    "training.epochs": "1",
    "budget.trials": "3",
    "space_config": '{"nodes": 10, "generators": ["ws", "ba"], "ws_k": ["4"], "ws_p": ["0.5"], "ba_m": ["3"], '
    '"own_seeds": false}',
}  # fmt: skip


@pytest.fixture(scope="module")
def sweep(product) -> dict:
    settings = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    return product.json("search", "randwire-sweep", *settings, "--wait")


def test_a_sweep_shows_accuracy_against_any_statistic(page, sweep, axe):
    assert sweep["state"] == "finished" and len(sweep["trials"]) == 3
    page.goto(f"/searches/{sweep['search']}/")
    page.get_by_role("link", name="Graphs").click()
    plot = page.locator("#plot-sweep")
    expect(plot.locator(".main-svg").first).to_be_visible()
    expect(plot).to_have_attribute("aria-label", "Valid accuracy of 3 networks against the graphs’ average path length, "
                                   "by generator: Barabási–Albert, Watts–Strogatz")  # fmt: skip
    page.get_by_role("link", name="Clustering coefficient").click()
    expect(plot).to_have_attribute("data-figure", "figure-clustering")
    assert page.url.endswith("?x=clustering")
    expect(page.get_by_role("row", name="ws(4,0.5)")).to_be_visible()
    axe(page)


def test_the_damage_of_a_network_is_measured_while_one_waits(page, sweep, axe):
    page.goto(f"/cells/{sweep['trials'][0]['key']}/")
    stage = page.locator('[data-cell="stage 1"]')
    expect(stage.locator(".cell-node.op")).to_have_count(10)
    node = stage.locator('[data-id="n4"]')
    node.click()
    expect(page.locator("#inspector h3")).to_contain_text("node 4")
    page.get_by_role("button", name="Measure the damage").click()
    expect(page.locator("#removal .plot .main-svg").first).to_be_visible(timeout=60_000)
    expect(page.locator("#removal .note")).to_contain_text("on 30 of the valid images")
    axe(page)
