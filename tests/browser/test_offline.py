"""The cell page saved to disk: opened from there it draws, explains and asks for nothing."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def saved(page, tmp_path):
    """A file saved from the page of a published cell."""
    page.goto("/cells/diff/?a=darts-v1&b=nasnet-a")
    page.locator(".versus a.cellname").nth(1).click()
    expect(page.locator("#explorer[data-ready]")).to_be_attached()
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Offline HTML").click()
    assert download.value.suggested_filename == "NASNet-A.html"
    file = tmp_path / "cell.html"
    download.value.save_as(file)
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_from_disk(browser, saved, axe, scheme):
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page, asked, problems = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: message.type == "error" and problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(saved.as_uri())
    expect(page.locator("#explorer[data-ready]")).to_be_attached()
    page.locator('[data-cell="reduction"] [data-id="b1r"]').click()
    expect(page.locator("#inspector h3")).to_have_text("sep 7×7")
    page.get_by_role("button", name="Normal", exact=True).click()
    expect(page.locator('[data-cell="reduction"]')).to_be_hidden()
    axe(page)
    assert asked == [saved.as_uri()] and not problems
    context.close()
