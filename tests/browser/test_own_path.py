"""Own domains by evidence, and relays in front: clicked, and enforced by Postfix."""

import time

from playwright.sync_api import Page, expect

from tests.support.site import Site
from tests.support.smtp import Reply, attempt, smtp

NEWS = "news@practice.test"
HOST = {"src": "127.0.0.10", "helo": "mx.good.example"}
RELAY = {"src": "127.0.0.45", "helo": "laptop"}
BOB = "bob@practice.test"
SECONDS = 120.0  # until the log was read and weighed


def newsletter(site: Site) -> None:
    """One sender address of ours, from a foreign host, to many of ours."""
    for number in range(6):
        with smtp(port=site.port, src=HOST["src"], helo=HOST["helo"]) as client:
            client.mail(NEWS)
            client.rcpt(f"reader{number}@practice.test")
            assert client.data(b"Subject: news\r\n\r\nRead this.\r\n").ok


def tries(site: Site, sender: str, how: dict[str, str], to: str = BOB) -> Reply:
    """One envelope."""
    helo = how.get("helo", "client.example")
    return attempt(sender, to, port=site.port, src=how["src"], helo=helo)


def apply(page: Page, reason: str) -> None:
    """Review, give a reason, apply, and see it become live."""
    page.goto("/review/")
    page.fill("[name=reason]", reason)
    page.click("#apply")
    expect(page.locator("#outcome[data-state=applied]")).to_be_visible(timeout=15_000)


def wait_for(page: Page, path: str, what: str) -> None:
    """Open a page again until it shows something."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        page.goto(path)
        if page.locator(what).is_visible():
            return
        time.sleep(1)
    raise AssertionError(f"{what} did not come: {page.locator('main').inner_text()}")


GROUP = '[data-who="good.example"]'


def test_who_sends_as_us_is_seen_refused_to_overlook_and_excepted_by_one_click(
    page: Page, site: Site
) -> None:
    page.goto("/domains/")
    page.click("button[value='practice.test']")
    newsletter(site)
    wait_for(page, "/domains/", f"{GROUP}:has-text('6 recipients with one address')")
    expect(page.locator(GROUP)).to_have_attribute("data-guess", "service")
    page.goto("/protection/own_domains/confirm/")
    numbers = "6 messages of 1 sender from 1 network in 7 days"
    expect(page.get_by_test_id("against")).to_contain_text(numbers)
    page.click("#confirm")  # the box is not ticked: nothing happens
    assert "confirm" in page.url
    page.goto("/domains/")
    page.locator(GROUP).get_by_role("button", name="May send as us").click()
    expect(page.locator(GROUP)).to_have_attribute("data-covered", "excepted")
    page.locator('[name="own_domains"]').click()
    expect(page.get_by_test_id("nobody-known")).to_be_visible()
    page.click("#confirm")
    stop = page.locator('[data-testid="own_domains"]')
    expect(stop).to_have_attribute("data-mode", "on")
    apply(page, "only the newsletter may send as us")
    assert tries(site, NEWS, HOST).ok
    assert tries(site, NEWS, {"src": "127.0.0.66"}).code == 554


def test_a_relay_in_front_is_named_applied_and_let_through(
    page: Page, site: Site
) -> None:
    site.manage("set", "reject_non_fqdn_helo_hostname=on", "reject_non_fqdn_sender=on")
    apply(page, "short names are infected PCs")
    assert tries(site, "a@good.example", RELAY).code == 504
    page.goto("/relays/")
    page.fill("[name=relay]", "127.0.0.45")
    page.click("#add-relay")
    expect(page.locator(".things").first).to_contain_text("127.0.0.45")
    apply(page, "our filter service")
    assert tries(site, "a@good.example", RELAY).ok
    assert tries(site, NEWS, RELAY).ok
    assert tries(site, "root@web1", RELAY).code == 504
    out = tries(site, "a@good.example", RELAY, "x@elsewhere.example")
    assert "Relay access denied" in out.text


def test_what_would_still_stop_a_sender_is_asked_from_its_entry(
    page: Page, site: Site
) -> None:
    site.manage("entries", "add", "allow", "sender", "boss@practice.example")
    page.goto("/entries/?text=boss@practice.example")
    page.click(".entries .what a")
    page.click("#ask-postfix")
    expect(page.locator("[name=sender]")).to_have_value("boss@practice.example")
    page.fill("[name=sender]", "boss@practice.test")
    page.fill("[name=client_address]", "127.0.0.66")
    page.fill("[name=helo]", "laptop")
    page.fill("[name=recipient]", BOB)
    page.click("#ask")
    stops = page.get_by_test_id("stops")
    expect(stops).to_be_visible(timeout=15_000)
    expect(stops.locator("[data-stop=own_domains]")).to_be_visible()
    expect(stops.locator("[data-stop=reject_non_fqdn_helo_hostname]")).to_be_visible()
