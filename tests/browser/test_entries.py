"""Allow and deny, pins and own domains, as a person meets them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.site import Site


@pytest.fixture
def clean(site: Site) -> Iterator[None]:
    """Nothing is left of a test's entries."""
    yield
    site.manage("discard")


def test_a_domain_is_pinned_and_removed_with_a_reason(either: Page) -> None:
    page = either
    page.goto("/pins/")  # nothing is pinned: the form is open
    page.fill("#id_domain_domain", "pinned.example")
    page.select_option("#id_domain_expect", "refuse")
    page.click("#pin-domain")
    row = page.get_by_test_id("pin").filter(has_text="pinned.example")
    expect(row).to_contain_text("nothing recorded from pinned.example yet")
    expect(row).to_have_attribute("data-expect", "refuse")
    row.get_by_role("link", name="Remove…").click()
    page.fill("[name=note]", "a mistake")
    page.click("#confirm")
    expect(page.locator(".empty")).to_contain_text("Nothing is pinned yet")
    expect(row).to_have_count(0)


def add(page: Page, side: str, kind: str, value: str) -> None:
    """One entry, by the form."""
    page.goto("/entries/add/")
    page.select_option("#id_side", side)
    page.select_option("#id_kind", kind)
    page.fill("#id_value", value)
    page.click("#add")


def test_an_entry_is_added_found_and_removed(either: Page, clean: None) -> None:
    page = either
    add(page, "deny", "sender", "Spammer@One.example")
    expect(page.locator('tr[data-value="spammer@one.example"]')).to_be_visible()
    page.goto("/entries/")
    page.fill("#text", "one.example")
    page.press("#text", "Enter")
    expect(page.locator("#decides")).to_be_visible()
    page.check("[name=pick]")
    page.click("#remove-ticked")
    expect(page.locator("h1")).to_have_text("Remove 1 entry?")
    page.click("#confirm")
    expect(page.locator('tr[data-value="spammer@one.example"]')).to_have_count(0)


def test_a_bad_value_is_quoted_and_what_was_typed_stays(
    either: Page, clean: None
) -> None:
    add(either, "deny", "sender", "no address")
    expect(either.locator(".invalid-feedback")).to_contain_text("no address")
    expect(either.locator("#id_value")).to_have_value("no address")


def test_a_doubtful_entry_is_asked_about(either: Page, clean: None) -> None:
    add(either, "deny", "sender_domain", "co.uk")
    expect(either.locator(".note-warning")).to_contain_text("Not added yet")
    either.click("#add")
    expect(either.locator('tr[data-value="co.uk"]')).to_be_visible()


def test_all_that_match_are_removed(either: Page, clean: None) -> None:
    for name in ("a", "b"):
        add(either, "deny", "sender", f"{name}@many.example")
    either.goto("/entries/?text=many.example")
    either.click("#remove-all")
    expect(either.locator("h1")).to_have_text("Remove 2 entries?")
    either.click("#confirm")
    either.goto("/entries/?text=many.example")
    expect(either.locator(".empty")).to_be_visible()


def test_a_file_with_a_bad_line_is_imported(
    either: Page, clean: None, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text(
        "deny,sender,a@file.example\nnonsense\nallow,helo,mx.file.example\n"
    )
    either.goto("/entries/import/")
    either.set_input_files("#id_file", file)
    either.click("#upload")
    expect(either.locator("#job[data-state=checked]")).to_be_visible(timeout=20_000)
    expect(either.locator("#job .sentence")).to_contain_text("2 to add, 1 refused")
    expect(either.locator("table")).to_contain_text("nonsense")
    either.click("#import")
    expect(either.locator("#job[data-state=done]")).to_be_visible(timeout=20_000)
    either.goto("/entries/?text=a@file.example")
    expect(either.locator('tr[data-value="a@file.example"]')).to_be_visible()


def test_own_domains_are_named_and_the_stop_is_switched(
    either: Page, clean: None
) -> None:
    page = either
    page.goto("/domains/")
    page.click("button[value='practice.test']")
    expect(page.locator(".thing")).to_have_text(["practice.test"])
    page.fill("[name=network]", "192.0.2.9")
    page.click("#add-exception")
    expect(page.locator(".things")).to_have_count(2)
    expect(page.locator(".things").nth(1)).to_contain_text("192.0.2.9")
    page.locator('[name="own_domains"]').click()
    if page.locator('[data-testid="own_domains"] button.no-js').is_visible():
        page.locator('[data-testid="own_domains"] button.no-js').click()
    expect(page.locator(".note-warning")).to_contain_text("port 25 from outside")
    page.locator(".choices .btn-primary").click()
    expect(page.locator('[data-testid="own_domains"]')).to_have_attribute(
        "data-mode", "test"
    )
    expect(page).to_have_url(page.url.partition("/domains/")[0] + "/domains/")


def test_a_slash_goes_to_the_search_box(page: Page) -> None:
    page.goto("/entries/")
    page.keyboard.press("/")
    expect(page.locator("#text")).to_be_focused()
