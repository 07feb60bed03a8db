"""Whom to let in and whom to keep out, clicked by Alice and enforced by Postfix."""

import time
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.support.site import Site
from tests.support.smtp import Reply, attempt
from tests.support.waiting import eventually

OUTSIDER = {"src": "127.0.0.10", "helo": "mx.good.example"}
BOB = "bob@practice.test"
OURS = "alice@practice.test"
SOON = 8.0  # seconds, within which it must be live


def tries(site: Site, sender: str, src: str = "127.0.0.10", helo: str = "") -> Reply:
    """One envelope to Bob."""
    name = helo or "mx.good.example"
    return attempt(sender, BOB, port=site.port, src=src, helo=name)


def apply(page: Page, reason: str) -> None:
    """Review, give a reason, apply, and see it become live."""
    page.goto("/review/")
    page.fill("[name=reason]", reason)
    page.click("#apply")
    expect(page.locator("#outcome[data-state=applied]")).to_be_visible(timeout=15_000)


def add(page: Page, side: str, kind: str, value: str) -> None:
    """One entry, by the form."""
    page.goto("/entries/add/")
    page.select_option("#id_side", side)
    page.select_option("#id_kind", kind)
    page.fill("#id_value", value)
    page.click("#add")
    expect(page.locator(f'tr[data-value="{value}"]')).to_be_visible()


def test_outsiders_may_not_send_as_us_but_our_own_people_may(
    page: Page, site: Site
) -> None:
    page.goto("/domains/")
    page.click("button[value='practice.test']")
    expect(page.locator(".thing")).to_have_text(["practice.test"])
    page.locator('[name="own_domains"]').click()
    page.click("#confirm")
    row = page.locator('[data-testid="own_domains"]')
    expect(row).to_have_attribute("data-mode", "on")
    apply(page, "nobody sends through port 25 from outside")
    refused = tries(site, OURS)
    assert refused.code == 554
    assert "port 587" in refused.text
    assert tries(site, OURS, src="127.0.0.1").ok
    assert tries(site, "").ok


def test_an_excepted_client_may_send_as_us(page: Page, site: Site) -> None:
    page.goto("/domains/")
    page.fill("[name=network]", "127.0.0.20")
    page.click("#add-exception")
    expect(page.locator(".things").nth(1)).to_contain_text("127.0.0.20")
    apply(page, "our newsletter")
    assert tries(site, OURS, src="127.0.0.20").ok
    assert tries(site, OURS).code == 554


def test_an_entry_lets_in_what_a_control_refuses(page: Page, site: Site) -> None:
    site.manage("set", "reject_non_fqdn_helo_hostname=on")
    apply(page, "short names are infected PCs")
    assert tries(site, "a@good.example", helo="laptop").code == 504
    add(page, "allow", "helo", "laptop")
    apply(page, "the boss insists")
    assert tries(site, "a@good.example", helo="laptop").ok


def test_an_entry_keeps_out_until_its_time_is_over(page: Page, site: Site) -> None:
    until = datetime.now(UTC) + timedelta(seconds=SOON)
    words = ("deny", "sender", "pest@good.example", "--expires", until.isoformat())
    assert site.manage("entries", "add", *words)[0] == 0
    apply(page, "for a few seconds")
    assert tries(site, "pest@good.example").code == 554
    eventually(lambda: tries(site, "pest@good.example").ok, seconds=20)
    assert time.time() >= until.timestamp()
    newest = site.manage("history")[1]["revisions"][0]
    assert newest["actor"] == "mailguard"
    assert newest["reason"].startswith("expired")
