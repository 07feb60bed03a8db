"""A list that fails while it is on is taken back and explained; a dead one never on."""

from playwright.sync_api import Page, expect

from tests.support.dns import Dns
from tests.support.site import Site
from tests.support.smtp import Reply, attempt

KEY, ZONE = "dnsbl:psbl.surriel.com", "psbl.surriel.com"
SOON = 15_000  # milliseconds: a check is asked for, made, and what follows is applied


def honest(site: Site) -> Reply:
    """An honest sender writes."""
    sender, to = "alice@good.example", "bob@practice.test"
    helo = "mx.good.example"
    return attempt(sender, to, port=site.port, src="127.0.0.10", helo=helo)


def test_a_failing_list_is_taken_back_and_explained(
    page: Page, site: Site, dns: Dns
) -> None:
    page.goto("/blocklists/")
    page.locator(f'[name="{KEY}"]').click()
    page.locator("#confirm").click()
    row = page.get_by_test_id(KEY)
    expect(row).to_have_attribute("data-mode", "on")
    assert site.manage("apply", "--reason", "less spam")[0] == 0
    with dns.answering({(f"*.{ZONE}", "A"): ["127.0.0.2"]}):
        assert honest(site).code == 554  # not asked before: smtpd remembers answers
        page.goto("/blocklists/")
        page.locator("#check").click()
        page.goto("/")
        note = page.get_by_test_id("demoted")
        expect(note).to_contain_text("refuses nobody any more", timeout=SOON)
        assert honest(site).ok
        note.get_by_role("link", name="Why").click()
        expect(page.locator("main")).to_contain_text("it lists everybody")
        expect(page.locator("main")).to_contain_text("mailguard")
    page.goto("/blocklists/")
    expect(row).to_have_attribute("data-live", "test")
    health = page.get_by_test_id(f"health-{KEY}")
    expect(health).to_contain_text("Cannot be trusted here")


def test_what_a_check_finds_comes_onto_the_page_by_itself(page: Page) -> None:
    page.goto("/blocklists/")
    page.locator("#check").click()
    allow = page.get_by_test_id("health-dnswl:list.dnswl.org")
    expect(allow).to_contain_text("Answers as it should", timeout=SOON)
    expect(page.get_by_test_id("waiting")).to_have_count(0, timeout=SOON)


def test_a_dead_list_is_refused_by_name(either: Page, site: Site) -> None:
    form = either.locator("form:has(#add-list)")
    either.goto("/blocklists/")
    form.locator("[name=zone]").fill("dnsbl.sorbs.net")
    form.locator("[name=codes]").fill("127.0.0.2")
    either.locator("#add-list").click()
    refused = either.locator(".invalid-feedback")
    expect(refused).to_contain_text("The list dnsbl.sorbs.net is dead since 2024")
    expect(form.locator("[name=codes]")).to_have_value("127.0.0.2")
    code, told = site.manage("set", "dnsbl:dnsbl.sorbs.net=on")
    assert code == 2
    assert "is dead since 2024" in told["message"]
