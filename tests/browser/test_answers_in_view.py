"""What was wrong with a form is seen where it is, however far down its page."""

from playwright.sync_api import Page, expect


def test_an_error_far_down_a_page_comes_into_view(page: Page) -> None:
    page.goto("/blocklists/")
    page.fill("[name=zone]", "dnsbl.sorbs.net")
    page.fill("[name=codes]", "127.0.0.2")
    page.click("#add-list")
    expect(page.locator(".invalid-feedback")).to_be_in_viewport()
    expect(page.locator("[name=zone]")).to_be_focused()
    assert page.input_value("[name=codes]") == "127.0.0.2"


def test_a_refused_sign_in_comes_into_view_and_keeps_the_name(page: Page) -> None:
    page.goto("/sending/readiness/")
    page.fill("[name=name]", "alice@practice.test")
    page.fill("[name=secret]", "wrong")
    page.click("#sign-in")
    expect(page.get_by_test_id("answer")).to_be_in_viewport()
    assert page.input_value("[name=name]") == "alice@practice.test"
    assert page.input_value("[name=secret]") == ""
