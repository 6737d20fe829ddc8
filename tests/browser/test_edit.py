"""Editing a cell by pointer, keyboard and touch."""

from playwright.sync_api import expect

NORMAL = '[data-cell="normal"] '


def opened(page, address: str = "from=darts-v2"):
    page.goto(f"/cells/edit/?{address}")
    expect(page.locator("#editor[data-ready]")).to_be_attached()
    return page


def label(page, id_: str):
    return page.locator(f'{NORMAL}[data-id="{id_}"] text')


def params(page):
    return page.locator(".figures .first dd").first


def test_an_operation_is_changed_in_the_diagram_undone_and_redone(page, product):
    opened(page)
    before = params(page).inner_text()
    page.locator(f'{NORMAL}[data-id="b2l"]').click()
    chooser = page.locator('#inspector select[data-edit="normal.2.left_operation"]')
    chooser.select_option(label="skip")
    expect(label(page, "b2l")).to_have_text("skip")
    expect(params(page)).not_to_have_text(before)
    expect(page.locator("h1")).to_have_text("DARTS, second order, edited")
    expect(page.locator(f'{NORMAL}[data-id="b2l"]')).to_have_attribute("aria-pressed", "true")
    assert "0-identity-1-sep_conv_3x3" in page.url
    page.reload()
    expect(page.locator("#editor[data-ready]")).to_be_attached()
    expect(label(page, "b2l")).to_have_text("skip")


def test_undo_and_redo_by_keys_and_buttons(page):
    opened(page)
    undo, redo = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Redo")
    expect(undo).to_be_disabled()
    page.locator('form select[data-edit="normal.1.left_operation"]').select_option(label="max 3×3")
    expect(label(page, "b1l")).to_have_text("max 3×3")
    page.get_by_role("button", name="Remove block 4").first.click()
    expect(page.locator(f'{NORMAL}[data-id="b4l"]')).to_have_count(0)
    undo.click()
    expect(page.locator(f'{NORMAL}[data-id="b4l"]')).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(label(page, "b1l")).to_have_text("sep 3×3")
    expect(undo).to_be_disabled()
    page.keyboard.press("Control+Shift+z")
    expect(label(page, "b1l")).to_have_text("max 3×3")
    redo.click()
    expect(page.locator(f'{NORMAL}[data-id="b4l"]')).to_have_count(0)
    expect(redo).to_be_disabled()


def test_inputs_combinations_blocks_and_stacked_states(page):
    opened(page)
    page.locator(f'{NORMAL}[data-id="s3"]').click()
    inspector = page.locator("#inspector")
    inspector.get_by_role("button", name="Block 2: joined by add").click()
    expect(page.locator(f'{NORMAL}[data-id="s3"]')).to_contain_class("cat")
    inspector.locator('select[data-edit="normal.2.right_input"]').select_option(label="block 1")
    expect(page.locator(f'{NORMAL}[data-id="b2r"]')).to_have_attribute(
        "aria-label", "sep 3×3 on block 1, block 2 right"
    )
    page.locator('[data-cell="normal"]').get_by_role("button", name="Add a block").click()
    expect(page.locator(f'{NORMAL}[data-id="s6"]')).to_have_count(1)
    page.locator(f'{NORMAL}[data-id="concat"]').click()
    inspector.get_by_role("button", name="block 1", exact=True).click()
    expect(inspector.get_by_role("button", name="block 1", exact=True)).to_have_attribute("aria-pressed", "false")


def test_by_keyboard_alone(page):
    opened(page)
    page.locator(f'{NORMAL}[data-id="b1l"]').focus()
    page.keyboard.press("e")
    assert page.evaluate("document.activeElement.dataset.edit") == "normal.1.left_operation"
    page.keyboard.press("a")
    expect(label(page, "b1l")).to_have_text("avg 3×3")
    assert page.evaluate("document.activeElement.dataset.edit") == "normal.1.left_operation"
    page.locator(f'{NORMAL}[data-id="b4l"]').focus()
    page.keyboard.press("Delete")
    expect(page.locator(f'{NORMAL}[data-id="b4l"]')).to_have_count(0)


def test_by_touch(open_page):
    page = opened(open_page(width=360, height=740, has_touch=True))
    page.locator(f'{NORMAL}[data-id="b1l"]').tap()
    sheet = page.locator("#inspector")
    assert sheet.evaluate("e => getComputedStyle(e).position") == "fixed"
    sheet.locator('select[data-edit="normal.1.left_operation"]').select_option(label="conv 1×1")
    expect(page.locator(f'{NORMAL}[data-id="b1l"]')).to_have_attribute("aria-label", "conv 1×1 on hi−1, block 1 left")


def test_training_from_the_page(page, cells):
    page.goto(f"/cells/{cells['plain']}/")
    page.get_by_role("link", name="Edit a copy").click()
    expect(page.locator("#editor[data-ready]")).to_be_attached()
    expect(page.locator(".verdict")).to_have_text("inside")
    page.locator('form select[data-edit="normal.1.right_operation"]').select_option(label="dil 5×5")
    expect(page.locator(".verdict")).to_have_text("outside")
    page.get_by_role("link", name="Find similar").click()
    expect(page.locator("tbody tr").first).to_contain_text("block")
    page.go_back()
    expect(page.locator("#editor[data-ready]")).to_be_attached()
    page.get_by_role("button", name="Train this").click()
    page.wait_for_url("**/searches/*/")
    expect(page.locator(".toast")).to_contain_text("is queued under digits, 8 epochs")


def test_without_javascript_the_form_edits(open_page):
    page = open_page(java_script_enabled=False)
    page.goto("/cells/edit/?from=darts-v2")
    page.locator('select[data-edit="normal.2.left_operation"]').select_option(label="skip")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("h1")).to_have_text("DARTS, second order, edited")
    page.get_by_role("button", name="Remove block 4").first.click()
    expect(page.locator('select[data-edit="normal.4.left_operation"]')).to_have_count(0)
