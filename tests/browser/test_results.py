"""The results pages as a person uses them: marking and choosing cells, brushing, an offline search, a supernet's past."""

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture(scope="module", autouse=True)
def filled(product) -> dict:
    """Measured cells beside the running product: a protocol of its own, so that other tests' cells are not among them."""
    number, protocol = product.seed("results").split()
    return {"search": number, "protocol": protocol}


@pytest.fixture
def board(page, filled):
    page.goto(f"/leaderboard/?protocol={filled['protocol']}")
    expect(page.locator("html[data-linked]")).to_be_attached()
    return page


def row(page, at: int):
    return page.locator("tbody[data-linked]").last.locator("tr").nth(at)


def test_a_star_stays_and_can_be_taken_back(board):
    star = row(board, 1).locator(".star")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(board.locator(".toast")).to_contain_text("starred")
    board.reload()
    expect(row(board, 1).locator(".star")).to_have_attribute("aria-pressed", "true")
    row(board, 1).locator(".star").click()
    board.locator(".toast button").click()
    expect(row(board, 1).locator(".star")).to_have_attribute("aria-pressed", "true")


def test_chosen_rows_bring_up_what_can_be_done_with_them(board, axe):
    bulk = board.locator("#selection")
    expect(bulk).to_be_hidden()
    row(board, 0).get_by_role("checkbox").check()
    row(board, 2).get_by_role("checkbox").check()
    expect(board.locator("#chosen")).to_have_text("2 selected")
    axe(board)
    bulk.get_by_role("button", name="Learning curves").click()
    expect(board.get_by_role("heading", name="Learning curves")).to_be_visible()
    expect(board.locator("[data-figure][data-drawn]")).to_have_count(1)
    axe(board)


def test_chosen_cells_are_trained_again_from_more_seeds(open_page, filled, axe):
    """The mean over seeds appears once the worker is done; what is put together is named below the table."""
    page = open_page()
    address = f"/leaderboard/?protocol={filled['protocol']}&q=op:identity&rows=100"
    page.goto(address)
    expect(page.locator("html[data-linked]")).to_be_attached()
    key = row(page, 0).get_attribute("data-id")
    row(page, 0).get_by_role("checkbox").check()
    page.get_by_label("How many more seeds").fill("1")
    page.get_by_role("button", name="Train again with more seeds").click()
    expect(page.get_by_text("1 cell will be trained again: seed 1")).to_be_visible()
    mean = page.locator(f'tr[data-id="{key}"]').get_by_text("n=2")
    for _ in range(90):
        page.goto(address)
        if mean.count():
            break
        page.wait_for_timeout(1000)
    expect(mean).to_be_visible()
    expect(page.get_by_text("which differ in nothing else")).to_be_visible()
    page.get_by_role("link", name="Over seeds, %").click()
    expect(row(page, 0)).to_have_attribute("data-id", key)
    for theme in ("light", "dark"):
        page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])
        for width in (360, 768, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            page.reload()
            row(page, 0).get_by_role("checkbox").check()
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            axe(page)
    row(page, 0).locator(".cellname").click()
    expect(page.get_by_text("Over 2 seeds")).to_be_visible()
    page.locator("#trials").get_by_label("How many more seeds").fill("0")
    page.locator("#trials").get_by_role("button", name="Train again with more seeds").click()
    assert page.locator("#trials :invalid").count(), "the browser refuses what the server would"
    axe(page)


def test_a_tag_finds_its_cells_again(board):
    row(board, 3).get_by_role("checkbox").check()
    board.get_by_label("Tag", exact=True).fill("seen")
    board.get_by_role("button", name="Tag", exact=True).click()
    expect(row(board, 3).locator(".tag")).to_have_text("seen")
    row(board, 3).locator(".tag").click()
    expect(board).to_have_url(re.compile(r"protocol=\w+&q=tag:seen"))
    expect(board.locator("tbody[data-linked] tr")).to_have_count(1)


def test_a_view_keeps_columns_and_filters(board):
    board.locator("summary", has_text="Columns").click()
    board.get_by_label("Training time").check()
    board.get_by_role("button", name="Show these").click()
    expect(board.get_by_role("columnheader", name="Training")).to_be_visible()
    board.locator("summary", has_text="Save this view").click()
    board.get_by_label("Name").fill("With times")
    board.get_by_role("button", name="Save view").click()
    board.goto("/leaderboard/")
    board.get_by_role("link", name="With times").click()
    expect(board.get_by_role("columnheader", name="Training")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_brushing_an_axis_keeps_the_cells_between(open_page, filled, theme, axe):
    page = open_page(theme=theme)
    page.goto(f"/leaderboard/?protocol={filled['protocol']}&view=parallel")
    expect(page.locator("#parallel[data-ready]")).to_be_attached()
    axis = page.locator(".axis").first.locator(".hit")
    box = axis.bounding_box()
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] / 3, steps=4)
    page.mouse.up()
    expect(page.locator("#brushed")).to_contain_text("cells lie within valid")
    assert 0 < page.locator("polyline.out").count() < page.locator("polyline").count()
    expect(page.locator("#brushed-cells li").first).to_be_visible()
    axe(page)
    axis.press("Escape")
    expect(page.locator("polyline.out")).to_have_count(0)
    axis.press("ArrowUp")
    expect(page.locator("#brushed")).to_contain_text("cells lie within valid")
    page.get_by_role("button", name="Filter by these").click()
    expect(page.locator(".chip.on").first).to_contain_text("Accuracy from")


def test_an_exported_search_opens_from_disk_without_a_network(page, filled, browser, tmp_path):
    page.goto(f"/searches/{filled['search']}/")
    page.locator("#export summary").click()
    with page.expect_download() as found:
        page.get_by_role("link", name="One HTML file").click()
    found.value.save_as(tmp_path / "search.html")
    context = browser.new_context(offline=True)
    offline, said = context.new_page(), []
    offline.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    offline.goto((tmp_path / "search.html").as_uri())
    expect(offline.locator("html[data-ready]")).to_be_attached()
    expect(offline.locator("[data-figure][data-drawn]").first).to_be_visible()
    context.close()
    assert not said


def test_a_supernets_past_can_be_looked_at(page, product, axe):
    page.goto(f"/searches/{product.seed('supernet')}/")
    expect(page.locator("#derived-normal svg").first).to_be_visible()
    expect(page.locator("#plot-shared-normal[data-drawn]")).to_be_visible()
    axe(page)
    slider = page.locator("#shared-time")
    slider.focus()
    slider.press("ArrowLeft")
    expect(page.locator("#shared-at")).to_have_text("2")
    expect(page.locator("#derived-normal")).to_contain_text("sep 5×5")
    slider.press("ArrowRight")
    expect(page.locator("#shared-at")).to_have_text("3")
    expect(page.locator("#derived-normal")).not_to_contain_text("sep 5×5")


@pytest.mark.parametrize("width", [1440, 360])
def test_the_tour_walks_and_is_not_shown_again(open_page, width, axe):
    page = open_page(width=width)
    page.goto("/?tour=1")
    card = page.locator("#tour")
    expect(card).to_contain_text("1 of 5")
    axe(page)
    for step in range(2, 6):
        card.get_by_role("button", name="Next").click()
        expect(card).to_contain_text(f"{step} of 5")
    card.get_by_role("button", name="Done").click()
    expect(card).to_be_hidden()
    page.goto("/")
    expect(page.locator("#tour")).to_have_count(0)
    page.goto("/?tour=1")
    page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_be_hidden()
