"""A trusted network: named, doubted, confirmed, applied and taken back by clicks."""

from playwright.sync_api import Page, expect

from tests.browser.test_own_path import apply
from tests.support.site import Site
from tests.support.smtp import attempt

DEVICE = "127.0.0.77"
ROW = f"[data-network='{DEVICE}/32']"
PUBLIC = "5.9.0.0/24"


def is_denied(site: Site) -> bool:
    """Whether the device may not send to others."""
    said = attempt("a@good.example", "x@elsewhere.example", port=site.port, src=DEVICE)
    return "Relay access denied" in said.text


def test_a_device_sends_on_once_it_is_named_and_no_longer_once_it_is_not(
    either: Page, site: Site
) -> None:
    assert is_denied(site)
    either.goto("/sending/networks/")
    either.fill("[name=network]", DEVICE)
    either.locator("[name=note]").last.fill("the old scanner")
    either.click("#add-network")
    expect(either.locator(ROW)).to_contain_text("waits to be trusted")
    apply(either, "the scanner cannot sign in")
    assert not is_denied(site)
    either.goto("/sending/networks/")
    expect(either.locator(ROW)).to_contain_text("the old scanner")
    either.locator(ROW).get_by_role("button", name="Remove").click()
    if either.locator("#confirm").is_visible():  # it was seen to send meanwhile
        either.click("#confirm")
    expect(either.locator(ROW)).to_contain_text("waits to go")
    apply(either, "scrapped")
    assert is_denied(site)


def test_a_public_network_is_doubted_first(either: Page, site: Site) -> None:
    either.goto("/sending/networks/")
    either.fill("[name=network]", PUBLIC)
    either.click("#add-network")
    expect(either.get_by_test_id("doubts")).to_contain_text("is public")
    expect(either.locator(f"[data-network='{PUBLIC}']")).to_have_count(0)
    either.click("#add-network")
    row = either.locator(f"[data-network='{PUBLIC}']")
    expect(row).to_contain_text("waits to be trusted")
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
