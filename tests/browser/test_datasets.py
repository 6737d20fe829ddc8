"""Adding a data set in the browser, by every way, and what happens to bad ones."""

import pytest
from playwright.sync_api import expect

from tests.webapp import images

SOON = 60_000  # a worker may still be starting


@pytest.fixture
def archive(tmp_path):
    """Writes entries as a zip of this name; returns its path."""

    def write(name: str, entries: dict[str, bytes]):
        path = tmp_path / name
        path.write_bytes(images.zipped(entries))
        return path

    return write


def row(page, slug):
    return page.locator(f'#datasets-here [data-key="{slug}"]')


def notice(page, slug):
    return page.locator(f'#datasets-adding [data-key="failed-{slug}"]')


def test_upload_is_prepared_shown_and_removed(page, archive, axe):
    page.goto("/datasets/")
    expect(page.locator("form.upload")).to_have_attribute("data-ready", "")
    page.set_input_files("#zip", archive("leaves.zip", images.files()))
    expect(page.locator("[data-chosen]")).to_contain_text("leaves.zip")
    page.get_by_role("button", name="Add the zip").click()
    expect(page.get_by_role("status").filter(has_text="leaves is being prepared")).to_be_visible()
    expect(row(page, "leaves")).to_be_visible(timeout=SOON)  # without a reload
    row(page, "leaves").get_by_role("link", name="leaves", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("leaves")
    strip = page.get_by_alt_text("Images of rowan")
    strip.scroll_into_view_if_needed()
    expect(strip).to_have_js_property("naturalWidth", 12 * 48 + 11 * 4)
    axe(page)
    page.get_by_role("button", name="Remove").click()
    expect(row(page, "leaves")).to_have_count(0)


def test_hostile_archive_is_refused_in_words_and_can_be_let_go(page, archive, axe):
    page.goto("/datasets/")
    page.set_input_files("#zip", archive("flowers.zip", images.HOSTILE))
    page.get_by_role("button", name="Add the zip").click()
    expect(notice(page, "flowers")).to_contain_text("one of its paths points outside the archive", timeout=SOON)
    axe(page)
    notice(page, "flowers").get_by_role("button", name="Remove flowers").click()
    expect(notice(page, "flowers")).to_have_count(0)


def test_corrupt_image_is_named(page, archive):
    page.goto("/datasets/")
    page.set_input_files("#zip", archive("moths.zip", images.BROKEN))
    page.get_by_role("button", name="Add the zip").click()
    expect(notice(page, "moths")).to_contain_text("oak/3.png", timeout=SOON)
    notice(page, "moths").get_by_role("button", name="Remove moths").click()


def test_too_large_a_file_is_not_even_sent(page, archive):
    page.goto("/datasets/")
    page.locator("form.upload[data-ready]").evaluate(
        "form => { form.dataset.limit = 10; form.dataset.limitWords = '10 B'; }"
    )
    page.set_input_files("#zip", archive("leaves.zip", images.files()))
    expect(page.locator("#zip-error")).to_contain_text("up to 10 B can be uploaded")
    requests = []
    page.on("request", lambda request: requests.append(request.url) if "/add/" in request.url else None)
    page.get_by_role("button", name="Add the zip").click()
    expect(page.locator("#zip")).to_have_attribute("aria-invalid", "true")
    assert not requests


def test_title_that_is_taken_is_said_at_its_field(page, archive, allowed_errors):
    allowed_errors.append("422")
    page.goto("/datasets/")
    expect(row(page, "digits")).to_be_visible(timeout=SOON)
    page.set_input_files("#zip", archive("digits.zip", images.files()))
    page.get_by_role("button", name="Add the zip").click()
    expect(page.locator("#upload-title-error")).to_have_text(
        "Digits is here already. Take another title, or remove it first."
    )
    page.locator("#upload-title").fill("My digits")
    page.get_by_role("button", name="Add the zip").click()
    expect(row(page, "my-digits")).to_be_visible(timeout=SOON)
    row(page, "my-digits").get_by_role("link", name="My digits", exact=True).click()
    page.wait_for_load_state("networkidle")  # the page's pictures are here before what they show is gone
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", level=1, name="Data sets")).to_be_visible()


def test_everything_works_without_javascript(open_page, archive, tmp_path):
    page = open_page(java_script_enabled=False)
    page.goto("/datasets/")
    page.set_input_files("#zip", archive("ferns.zip", images.files()))
    page.get_by_role("button", name="Add the zip").click()
    expect(page.get_by_text("ferns is being prepared")).to_be_visible()
    place = images.folder(tmp_path / "mosses", images.files())
    page.locator("#folder").fill(str(place))
    page.get_by_role("button", name="Add the folder").click()
    expect(page.get_by_text("mosses is being prepared")).to_be_visible()
    for _ in range(60):
        if row(page, "ferns").count() and row(page, "mosses").count():
            break
        page.wait_for_timeout(500)
        page.goto("/datasets/")
    for slug in ("ferns", "mosses"):
        page.goto(f"/datasets/{slug}/")
        page.get_by_role("button", name="Remove").click()
    expect(row(page, "ferns")).to_have_count(0)


def test_wrong_folder_keeps_what_was_typed(page, allowed_errors):
    allowed_errors.append("422")
    page.goto("/datasets/")
    page.locator("#folder").fill("/no/such/place")
    page.get_by_role("button", name="Add the folder").click()
    expect(page.locator("#folder-error")).to_have_text("There is no folder /no/such/place on this machine.")
    expect(page.locator("#folder")).to_have_value("/no/such/place")
