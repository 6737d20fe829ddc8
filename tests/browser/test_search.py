"""A search from the form to its end, watched as it runs, in a real browser with real workers."""

import re
import time

import pytest
from playwright.sync_api import expect

LONG = 300_000  # a loaded machine takes its time to train; nothing here waits for a clock
SMALL = {
    "space_config.nasnet.blocks": "2",
    "skeleton.filters": "4",
    "training.epochs": "1",
    "budget.parallelism": "1",
    "budget.keep_weights": "1",
}


@pytest.fixture(scope="module")
def digits(product):
    """The data set that comes with the product, once a worker has prepared it."""
    end = time.monotonic() + LONG / 1000
    while time.monotonic() < end:
        found = {row["name"]: row["state"] for row in product.json("datasets", "list")}
        if found.get("digits") == "ready":
            return
        time.sleep(0.5)
    pytest.fail("the digits were not prepared")


def open_form(page, query: str = "") -> None:
    page.goto(f"/searches/new/{query}")
    expect(page.locator("#composer")).to_have_attribute("data-ready", "")


def field(page, name: str):
    return page.locator(f'[name="{name}"]')


def fill(page, **values) -> None:
    for name, value in values.items():
        field(page, name).fill(value)


def start(page, name: str, trials: int, **more: str) -> str:
    """Start a small search and return its path."""
    open_form(page)
    fill(page, **SMALL | more, name=name)
    field(page, "budget.trials").fill(str(trials))
    page.get_by_role("button", name="Start search").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    return re.search(r"/searches/\d+/$", page.url).group()


def overflow(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def state(page, word: str):
    return page.locator("#search-head .state", has_text=word)


# ---- the form


def test_the_panel_follows_what_is_typed(page, digits):
    open_form(page)
    sizes, sample = page.locator("#side .size"), page.locator("#sample > p")
    expect(page.locator("#sample-canvas svg.drawing .cell-node").first).to_be_visible()
    expect(page.locator("#spread-plot")).to_have_attribute("data-drawn", "")
    before = sizes.inner_text()
    field(page, "space_config.nasnet.blocks").fill("3")
    expect(sizes).not_to_have_text(before, use_inner_text=True)
    drawn = sample.inner_text()
    page.get_by_role("button", name="Draw another cell").click()
    expect(sample).not_to_have_text(drawn)
    page.locator("#sample").get_by_role("button", name="Reduction").click()
    expect(page.locator("#sample-canvas svg.drawing")).to_have_attribute("aria-label", "Sampled reduction cell")
    expect(page.locator("#f-space_config-nasnet-operations-count")).to_have_text("13 of 15 chosen")
    page.locator('[name="space_config.nasnet.operations"][value="sep_conv_7x7"]').uncheck()
    expect(page.locator("#f-space_config-nasnet-operations-count")).to_have_text("12 of 15 chosen")
    field(page, "skeleton.filters").fill("16")
    expect(page.locator("#f-space_config-nasnet-operations-frame")).to_have_text("MACs at F = 16, 8 × 8")
    expect(field(page, "reward.target")).to_be_hidden()
    field(page, "reward.goal").select_option("macs")
    field(page, "reward.target").fill("2")
    expect(page.locator("#formula")).to_contain_text("(MACs / 2")
    page.locator(".seg label", has_text="PPO").click()
    expect(field(page, "strategy_config.ppo.batch")).to_be_visible()
    expect(page.locator("#side")).not_to_have_attribute("aria-busy", "true")


def test_each_space_shows_its_own_fields_and_a_network_out_of_it(page, digits, axe):
    open_form(page)
    expect(field(page, "skeleton.repeats")).to_be_visible()
    space = page.locator("#space .seg")
    space.get_by_text("MnasNet", exact=True).click()
    field(page, "space_config.mnasnet.base").select_option("small")
    expect(page.locator("#side .size")).to_contain_text("18")
    expect(field(page, "skeleton.repeats")).to_be_hidden()
    expect(field(page, "skeleton.filters")).to_be_hidden()
    sample = page.locator("#sample-canvas svg.drawing")
    page.locator("#sample").get_by_role("button", name="block 3").click()
    expect(sample).to_have_attribute("aria-label", "Sampled block 3")
    space.get_by_text("NAS 2016", exact=True).click()
    expect(sample).to_have_attribute("aria-label", "Sampled network")
    expect(page.locator("#sample > p")).to_contain_text("heavier than")
    space.get_by_text("NASNet", exact=True).click()
    expect(field(page, "skeleton.repeats")).to_be_visible()
    expect(sample).to_have_attribute("aria-label", "Sampled normal cell")
    axe(page)


def test_what_is_wrong_is_named_at_once_and_everything_typed_stays(page, digits, axe):
    open_form(page)
    fill(page, **{"training.epochs": "eight", "seed": "41"})
    message = page.locator("#f-training-epochs-said")
    expect(message).to_have_text("‘eight’ is not a whole number.")
    expect(field(page, "training.epochs")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Start search").click()
    expect(page.locator("#refused")).to_contain_text("1 field needs a change")
    expect(field(page, "training.epochs")).to_be_focused()
    expect(field(page, "training.epochs")).to_have_value("eight")
    expect(field(page, "seed")).to_have_value("41")
    axe(page)
    field(page, "training.epochs").fill("2")
    expect(message).to_be_empty()
    expect(field(page, "training.epochs")).not_to_have_attribute("aria-invalid", "true")


def test_another_start_keeps_what_was_changed(page, digits):
    open_form(page)
    field(page, "training.epochs").fill("3")
    page.locator('[name="start"][value="nasnet-paper"]').check()
    expect(page.locator("#start .note")).to_contain_text("Kept from your changes: Epochs.")
    expect(field(page, "training.epochs")).to_have_value("3")
    expect(field(page, "budget.trials")).to_have_value("20000")
    expect(page.locator('[name="start"][value="nasnet-paper"]')).to_be_focused()
    page.locator('[name="start"][value="laptop-demo"]').check()
    expect(field(page, "budget.trials")).to_have_value("24")
    expect(field(page, "training.epochs")).to_have_value("3")


def test_the_form_works_without_javascript(open_page, digits):
    page = open_page(java_script_enabled=False)
    page.goto("/searches/new/")
    field(page, "space_config.nasnet.blocks").fill("2")
    field(page, "training.epochs").fill("none")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#f-training-epochs-said")).to_contain_text("is not a whole number")
    expect(field(page, "space_config.nasnet.blocks")).to_have_value("2")
    expect(page.locator("#sample-canvas svg.thumb")).to_have_count(2)


@pytest.mark.parametrize("width", [1440, 360])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_form_fits_and_is_accessible(open_page, digits, axe, width, theme):
    page = open_page(width=width, theme=theme)
    open_form(page, "?preset=small-cifar-10")
    for summary in page.locator("details.more > summary").all():
        if summary.is_visible():
            summary.click()
    assert overflow(page) == 0
    axe(page)


# ---- a running search


def test_a_search_is_watched_from_its_start_to_its_end(page, digits, axe):
    path = start(page, "Watched", 3)
    page.evaluate("window.notReloaded = true")
    page.get_by_role("link", name="Clone").focus()
    page.locator("#settings summary").click()
    page.get_by_role("link", name="Clone").focus()
    expect(state(page, "finished")).to_be_visible(timeout=LONG)
    expect(page.locator("#progress")).to_contain_text("3 of 3 trials")
    assert page.evaluate("window.notReloaded") is True
    expect(page.get_by_role("link", name="Clone")).to_be_focused()
    expect(page.locator("#settings details")).to_have_attribute("open", "")
    expect(page.locator(".trials tbody tr")).to_have_count(3)
    expect(page.locator("#best .card")).not_to_have_count(0)
    for plot in ("#plot-best", "#plot-cost"):
        expect(page.locator(plot)).to_have_attribute("data-drawn", "")
        expect(page.locator(f"{plot} .scatterlayer .point").first).to_be_attached()
    expect(page.locator("#log")).to_contain_text("search finished")
    page.locator("#cost-choice").get_by_role("button", name="Latency").click()
    expect(page.locator("#plot-cost")).to_have_attribute("aria-label", re.compile("against latency"))
    expect(page.locator("#times")).to_contain_text("Measuring latency")
    axe(page)
    page.set_viewport_size({"width": 360, "height": 740})
    assert overflow(page) == 0
    page.goto(f"{path}trials/1/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Trial 1 reached")
    expect(page.locator("#plot-curve")).to_have_attribute("data-drawn", "")
    expect(page.get_by_role("row", name="Evaluating on valid")).to_be_visible()
    for theme in ("light", "dark"):
        page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])
        for width in (360, 768, 1440):
            page.set_viewport_size({"width": width, "height": 740})
            page.reload()
            assert overflow(page) == 0
            axe(page)


def test_plots_take_the_colours_of_the_theme(page, digits):
    start(page, "Coloured", 1, **{"seed": "5"})
    grid = page.locator("#plot-best .gridlayer path, #plot-best .ygrid").first
    expect(grid).to_be_attached(timeout=LONG)
    stroke = "element => getComputedStyle(element).stroke"
    light = grid.evaluate(stroke)
    page.get_by_label("You: owner").click()
    page.get_by_role("button", name="Dark").click()
    expect(grid).not_to_have_css("stroke", light)


def test_pause_resume_stop_and_clone(page, digits):
    start(page, "Held", 200, **{"training.epochs": "200", "seed": "6"})
    expect(state(page, "running")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Pause").click()
    expect(state(page, "paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(state(page, "running")).to_be_visible(timeout=LONG)
    page.locator("#stop summary").click()
    page.get_by_role("button", name="Stop search").click()
    expect(state(page, "stopped")).to_be_visible()
    expect(page.locator("#progress")).to_contain_text("Stopped by hand")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    page.get_by_role("link", name="Clone").click()
    expect(field(page, "name")).to_have_value("Held, again")
    expect(field(page, "training.epochs")).to_have_value("200")


def test_the_page_says_when_the_server_is_away(page, digits, allowed_errors):
    allowed_errors.append("Failed to load resource")
    start(page, "Cut off", 200, **{"training.epochs": "200", "seed": "7"})
    page.route("**/live/**", lambda route: route.abort())
    notice = page.locator(".notice.offline")
    expect(notice).to_contain_text("Live updates stopped.", timeout=30_000)
    expect(notice).to_contain_text("The server does not answer.")
    page.unroute("**/live/**")
    notice.get_by_role("button", name="Try now").click()
    expect(notice).to_have_count(0)
    page.locator("#stop summary").click()
    page.get_by_role("button", name="Stop search").click()
    expect(state(page, "stopped")).to_be_visible()


def test_the_list_of_searches(page, digits, axe):
    page.goto("/searches/")
    expect(page.locator(".searches tbody tr").first).to_be_visible()
    page.get_by_role("link", name=re.compile("^Stopped or failed")).click()
    expect(page).to_have_url(re.compile(r"\?state=ended$"))
    expect(page.locator(".searches tbody")).to_contain_text("Held")
    axe(page)
    page.set_viewport_size({"width": 360, "height": 740})
    assert overflow(page) == 0
