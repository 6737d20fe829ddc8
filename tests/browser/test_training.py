"""From a published cell to a trained model that is taken home and tried, in a real browser with real workers."""

import io
import json
import re
import time
import zipfile

import pytest
from PIL import Image
from playwright.sync_api import expect

LONG = 300_000  # a loaded machine takes its time to train; nothing here waits for a clock
GENOTYPE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1)], normal_concat=[2], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1)], reduce_concat=[2])"
)


@pytest.fixture(scope="module")
def digits(product):
    """The data set that comes with the product, once a worker has prepared it."""
    end = time.monotonic() + LONG / 1000
    while time.monotonic() < end:
        if {row["name"]: row["state"] for row in product.json("datasets", "list")}.get("digits") == "ready":
            return
        time.sleep(0.5)
    pytest.fail("the digits were not prepared")


@pytest.fixture(scope="module")
def trained(product, digits) -> str:
    """The path of a finished training's page."""
    changes = ("skeleton.repeats=1", "skeleton.filters=4", "schedule.epochs=2", "data.train_limit=200")
    words = [word for change in changes for word in ("--set", change)]
    found = json.loads(product.manage("train", "darts-v1", "--dataset", "digits", *words, "--wait", "--json").stdout)
    assert found["state"] == "finished", found
    return f"/trainings/{found['training']}/"


def field(page, name: str):
    return page.locator(f'[name="{name}"]')


def overflow(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def png(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (28, 28), shade).save(out, "PNG")
    return out.getvalue()


def test_from_a_cell_to_a_model_in_use(page, digits, axe, tmp_path):
    page.goto("/published/darts-v2/")
    page.get_by_role("link", name="Train fully").first.click()
    expect(page.locator("#composer")).to_have_attribute("data-ready", "")
    field(page, "data.dataset").select_option("digits")
    for name, value in (
        ("skeleton.repeats", "1"),
        ("skeleton.filters", "6"),
        ("schedule.epochs", "3"),
        ("name", "Mine"),
    ):
        field(page, name).fill(value)
    side = page.locator("#side")
    expect(side).to_contain_text("N = 1, F = 6")
    field(page, "fit.measure").select_option("params")
    field(page, "fit.most").fill("40000")
    expect(side).to_contain_text("to fit")
    field(page, "fit.most").fill("lots")
    expect(page.locator("#f-fit-most-said")).to_contain_text("‘lots’ is not a number")
    field(page, "fit.measure").select_option("none")
    field(page, "fit.most").fill("0")
    expect(side).to_contain_text("N = 1, F = 6")
    page.get_by_role("button", name="Time a few steps").click()
    expect(side).to_contain_text("An epoch", timeout=LONG)
    axe(page)
    page.get_by_role("button", name="Train fully").click()

    expect(page.get_by_role("heading", name="Mine", level=1)).to_be_visible()
    expect(page.locator("#log")).to_contain_text("epoch 1: train loss", timeout=LONG)
    expect(page.locator("#plot-accuracy[data-drawn]")).to_be_visible()
    expect(page.locator("#training-head .state", has_text="finished")).to_be_visible(timeout=LONG)
    expect(page.locator("#log")).to_contain_text("on test")
    axe(page)

    page.get_by_role("link", name="The model").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name=re.compile("^Bundle")).click()
    saved.value.save_as(tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        assert {"weights.safetensors", "model.onnx", "model.py", "SHA256SUMS"} <= set(archive.namelist())
    page.locator("#image").set_input_files({"name": "five.png", "mimeType": "image/png", "buffer": png(90)})
    page.get_by_role("button", name="What is it?").click()
    rows = page.get_by_role("table", name="The likeliest classes of five.png").locator("tbody tr")
    expect(rows).to_have_count(5)
    axe(page)
    page.locator("#image").set_input_files({"name": "notes.png", "mimeType": "image/png", "buffer": b"dear diary"})
    page.get_by_role("button", name="What is it?").click()
    expect(page.locator("#image-said")).to_contain_text("cannot be read as an image")


def test_another_data_set_or_preset_keeps_focus_and_changes_of_ones_own(page, trained):
    page.goto("/published/darts-v2/")
    page.get_by_role("link", name="Train fully").first.click()
    expect(page.locator("#composer")).to_have_attribute("data-ready", "")
    field(page, "schedule.epochs").fill("7")
    page.get_by_role("radio", name=re.compile("^NASNet, CIFAR-10")).check()
    expect(page.get_by_text("Kept from your changes: Epochs")).to_be_visible()
    expect(field(page, "regularisation.drop_path")).to_have_value("0.4")
    expect(field(page, "schedule.epochs")).to_have_value("7")
    assert page.evaluate("document.activeElement.name") == "start"


@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (360, "light")])
def test_every_page_is_accessible_and_fits(open_page, trained, axe, width, theme):
    page = open_page(width=width, theme=theme)
    page.goto(trained)
    expect(page.locator("#plot-accuracy[data-drawn]")).to_be_visible()
    axe(page)
    assert overflow(page) == 0
    model = page.get_by_role("link", name="The model").get_attribute("href")
    for path in ("/models/", model, "/published/", "/cells/import/"):
        page.goto(path)
        axe(page)
        assert overflow(page) == 0, path


def test_a_training_is_paused_resumed_and_stopped_on_its_page(page, digits):
    page.goto("/published/snas-mild/")
    page.get_by_role("link", name="Train fully").first.click()
    expect(page.locator("#composer")).to_have_attribute("data-ready", "")
    for name, value in (("skeleton.repeats", "1"), ("skeleton.filters", "4"), ("schedule.epochs", "500")):
        field(page, name).fill(value)
    page.get_by_role("button", name="Train fully").click()
    expect(page.locator("#log")).to_contain_text("epoch 1: train loss", timeout=LONG)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#why")).to_contain_text("Paused.")
    expect(page.locator("#log")).to_contain_text("put back after epoch", timeout=LONG)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#log")).to_contain_text("goes on after epoch", timeout=LONG)
    page.locator("#stop summary").click()
    page.get_by_role("button", name="Stop training").click()
    expect(page.locator("#why")).to_contain_text("Stopped by hand")
    expect(page.get_by_role("button", name="Go on from the last epoch")).to_be_visible()


def test_a_pasted_genotype_opens_its_cell(page):
    page.goto("/leaderboard/")
    page.get_by_role("link", name="Import a cell").click()
    page.get_by_label("Genotype").fill(GENOTYPE.replace("('skip_connect', 1)", "('skip_connect', 3)"))
    page.get_by_role("button", name="Open the cell").click()
    expect(page.locator("#text-said")).to_contain_text("can take states 0 to 1, not 3")
    expect(page.get_by_label("Genotype")).to_have_value(re.compile("skip_connect', 3"))
    page.get_by_label("Genotype").fill(GENOTYPE)
    page.get_by_role("button", name="Open the cell").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Cell [0-9a-f]{7}$"))
    expect(page.locator('[data-cell="normal"] svg').first).to_be_visible()
