"""The API page: a token made there lets a program in, until it is taken back."""

import json
import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect


def answer(url: str, token: str):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (768, "dark"), (360, "dark")])
def test_a_token_made_on_the_page_lets_a_program_in(open_page, product, axe, width, theme):
    page = open_page(width=width, theme=theme)
    page.goto("/")
    page.get_by_label(re.compile("^You: owner")).click()
    page.get_by_role("link", name="API and tokens").click()
    page.get_by_label("What is the new token for?").fill(f"notebook {width}")
    page.get_by_role("button", name="Make a token").click()
    token = page.locator("#token").inner_text().strip()
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "items" in answer(f"{product.url}/api/v1/searches", token)
    page.goto("/api/")
    assert token not in page.content()
    page.get_by_role("button", name=f"Take back notebook {width}").click()
    expect(page.locator("[data-toast]")).to_contain_text(f"notebook {width} was taken back")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        answer(f"{product.url}/api/v1/searches", token)
