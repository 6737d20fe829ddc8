"""The frame around every page: login, theme, menus, keyboard, and what it looks like to axe."""

import pytest
from playwright.sync_api import expect

SIZES = ((1440, 900), (360, 740))


def overflow(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_one_time_link_leads_in_and_logging_out_leads_back(product, open_page):
    page = open_page(signed=False)
    page.goto("/")
    expect(page).to_have_url(f"{product.url}/login/?next=/")
    page.goto(product.new_link())
    expect(page).to_have_url(f"{product.url}/")
    page.get_by_label("You: owner").click()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{product.url}/login/")
    page.goto("/")
    expect(page.get_by_role("heading", name="Nasturtium")).to_be_visible()


def test_theme_is_kept_and_rendered_by_the_server(page):
    page.goto("/")
    page.get_by_label("You: owner").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    answer = page.request.get("/")
    assert 'data-theme="dark"' in answer.text()
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark == "rgb(15, 19, 17)"
    page.get_by_label("You: owner").click()
    page.get_by_role("button", name="Light").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(247, 248, 246)"


def test_theme_works_without_javascript(open_page):
    page = open_page(java_script_enabled=False)
    page.goto("/jump/?q=digits")
    page.get_by_label("You: owner").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_menu_closes_on_escape_and_on_a_click_elsewhere(page):
    page.goto("/")
    menu = page.locator("details.menu").first
    menu.locator("summary").click()
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()
    menu.locator("summary").click()
    page.locator("h1").click()
    expect(menu).not_to_have_attribute("open", "")


def test_keys_focus_jump_and_open_the_sheet(page):
    page.goto("/")
    page.keyboard.press("/")
    expect(page.locator("#jump")).to_be_focused()
    page.keyboard.type("?")
    expect(page.locator("#keys")).to_be_hidden()
    page.locator("#jump").blur()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()


def test_slash_opens_the_menu_on_a_narrow_page(open_page):
    page = open_page(width=360)
    page.goto("/")
    page.keyboard.press("/")
    expect(page.locator("#jump-small")).to_be_focused()


@pytest.fixture
def digits(page):
    """The digits that the first start adds, prepared by a worker."""
    page.goto("/datasets/")
    expect(page.locator('#datasets-here [data-key="digits"]')).to_be_visible(timeout=60_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_login_is_accessible_and_fits(open_page, axe, size, theme):
    page = open_page(*size, theme=theme, signed=False)
    page.goto("/login/")
    axe(page)
    assert overflow(page) == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", ["/", "/jump/", "/password/", "/workers/", "/datasets/", "/datasets/digits/"])
def test_pages_are_accessible_and_fit(open_page, axe, digits, path, size, theme):
    page = open_page(*size, theme=theme)
    page.goto(path)
    expect(page.locator("html")).to_have_attribute("data-ready", "")
    axe(page)
    assert overflow(page) == 0


def test_unknown_address_is_a_page_too(open_page, axe, allowed_errors):
    allowed_errors.append("404")
    page = open_page(360, 740)
    page.goto("/no/such/page/")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no page at this address")
    axe(page)


def test_workers_report_themselves(page):
    page.goto("/workers/")
    expect(page.locator("#workers-now")).to_contain_text("train-0@", timeout=60_000)
    expect(page.locator("#workers-lede")).to_contain_text("2 alive", timeout=60_000)
